// Finding messages by their words, and turning to one of them.

import { type Found, type Room } from "roomcast-chat";
import { showNotice } from "./actions";
import { joined, turn } from "./address";
import { chat } from "./session";
import { change, current } from "./store";
import { wordsOf } from "./words";

export type Hit = Found["messages"][number];

const PAGE = 100; // messages, as many as the server gives at once
const MOST = 30; // pages that are loaded for one message

/** Turns to a message, in whatever room it is. */
export async function openAt(room: string, seq: number): Promise<void> {
  try {
    turn(await joined(room));
    await seek(room, seq);
  } catch (error) {
    showNotice(wordsOf(error));
  }
}

/** Brings a message of the current room into view: useSought shows it as soon as it is loaded. */
export async function seek(id: string, seq: number): Promise<void> {
  change((s) => ({ ...s, atEnd: false, sought: seq }));
  const wanted = () => current().current === id && current().sought === seq;
  if ((await load(chat.room(id), seq, wanted)) || !wanted()) return;
  change((s) => ({ ...s, atEnd: true, sought: undefined, notice: "This message is too far back, or no longer here." }));
}

/** Loads older messages of a room until one of them is there. Returns whether it is. */
async function load(room: Room, seq: number, wanted: () => boolean): Promise<boolean> {
  const has = () => room.snapshot().messages.some((m) => m.seq === seq);
  const first = () => room.snapshot().messages[0]?.seq;
  while (!has() && wanted() && !room.snapshot().live && !room.snapshot().error) await news(room);
  for (let pages = 0; !has() && wanted() && room.snapshot().older && pages < MOST; pages++) {
    const before = first();
    await room.loadOlder(PAGE);
    if (first() === before && room.snapshot().older) await news(room); // a page was on its way already
  }
  return has();
}

const news = (room: Room): Promise<void> =>
  new Promise((resolve) => {
    const end = room.subscribe(() => {
      end();
      resolve();
    });
  });

const WORD = /([\p{L}\p{N}\p{M}]+)/u;
const BEFORE = 40; // characters before the first word that was searched for
const LENGTH = 240; // characters

/** A text from shortly before the words that were searched for, in pieces. */
export function excerpt(text: string, query: string): { text: string; hit: boolean }[] {
  const wanted = query.toLowerCase().split(WORD).filter((_, i) => i % 2);
  const last = wanted.at(-1) ?? "";
  const isHit = (word: string) => wanted.includes(word) || (last !== "" && word.startsWith(last)); // the last may go on
  const pieces = text.split(WORD).map((text, i) => ({ text, hit: i % 2 === 1 && isHit(text.toLowerCase()) }));
  const from = Math.max(0, pieces.findIndex((p) => p.hit));
  let begin = from;
  for (let room = BEFORE; begin > 0 && (room -= pieces[begin - 1]?.text.length ?? 0) >= 0; ) begin--;
  if (begin > 0 && begin < from && begin % 2 === 0) begin++; // it begins with a word
  let end = begin;
  for (let room = LENGTH; end < pieces.length && (end <= from || room > 0); end++) room -= pieces[end]?.text.length ?? 0;
  const cut = pieces.slice(begin, end);
  return begin > 0 ? [{ text: "…", hit: false }, ...cut] : cut;
}
