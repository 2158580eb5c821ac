// What the visitor does, besides what useRoom offers.

import type { Attachment, Message } from "roomcast-chat";
import { direct, joined, listed, turnWhen } from "./address";
import type { Entry, EnterArgs } from "./events";
import { naming } from "./format";
import { forget, saveName } from "./identity";
import { chat } from "./session";
import { mark, type Task } from "./state";
import { change, current } from "./store";
import { wordsOf } from "./words";

/** The data of a message: what this program adds to one. */
export interface Extra {
  /** Who wrote a forwarded message. */
  author?: string;
  forward?: { room: string; seq: number };
}

export const extraOf = (m: { data?: unknown }): Extra => (m.data ?? {}) as Extra;

export function signIn(name: string): void {
  saveName(name);
  change((s) => ({ ...s, link: { status: "connecting" } }));
  chat.socket.connect();
}

/** Leaves the chat, in all tabs. */
export function signOut(): void {
  forget();
  location.assign(location.pathname);
}

export function reconnect(): void {
  change((s) => ({ ...s, link: { status: "connecting" } }));
  chat.socket.connect();
}

export function showNotice(notice = ""): void {
  change((s) => ({ ...s, notice }));
}

/** Does something that the server may refuse, and shows why. */
export async function attempt(work: Promise<unknown>): Promise<void> {
  await work.catch((error) => showNotice(wordsOf(error)));
}

export const open = (room: string): Promise<void> => attempt(turnWhen(joined(room)));

export const openPerson = (person: string): Promise<void> => attempt(turnWhen(direct(person)));

/** Opens the room of a name, and makes it if there is none. Resolves with why it can't, or with undefined. */
export async function enterRoom(name: string): Promise<string | undefined> {
  try {
    await turnWhen(chat.call<Entry>("enter", { name } satisfies EnterArgs).then(({ room }) => listed(room)));
  } catch (error) {
    return wordsOf(error);
  }
}

export const leaveRoom = (room: string): Promise<void> => attempt(chat.call("leave", { room }));

/** Says whether the visitor has scrolled the current room to its end. */
export function seeEnd(atEnd: boolean): void {
  change((s) => (s.atEnd === atEnd ? s : { ...s, atEnd }));
}

/** Notes that the visitor has seen a message and all before it. */
export function read(room: string, seq: number): void {
  change((s) => mark(s, room, seq, s.rooms[room]?.gen ?? 0));
  void chat.room(room).read(seq);
}

/** Gives the composer something to do, or takes it away. */
export function begin(task?: Task): void {
  change((s) => ({ ...s, task }));
}

/** Begins to edit the visitor's last message, if it is loaded. Returns whether there is one. */
export function editLast(room: string): boolean {
  const own = (m: Message) => m.author === current().me && !m.deleted && !extraOf(m).author;
  const message = chat.room(room).snapshot().messages.findLast(own);
  if (message) begin({ does: "edit", message });
  return message !== undefined;
}

/** Sends what was written, or changes the message that is being edited. Throws if that is refused. */
export async function say(room: string, text: string, files: Attachment[] = []): Promise<void> {
  const { task, me } = current();
  if (task?.does === "edit") {
    await chat.room(room).edit(task.message, { text, data: task.message.data, mentions: mentioned(room, text) });
    return begin();
  }
  const draft = { text: text || undefined, files: files.length > 0 ? files : undefined };
  chat.room(room).post({ ...draft, replyTo: task?.message.seq, mentions: mentioned(room, text, me) });
  change((s) => ({ ...s, task: undefined, atEnd: true, newSince: undefined })); // who says something wants to see it
}

/** The members of a room that a text names: "@Ada". */
function mentioned(room: string, text: string, me = current().me): string[] | undefined {
  const members = current().members[room] ?? [];
  const found = new Set(members.length > 0 ? text.match(naming(members)) : []);
  const names = members.filter((name) => name !== me && found.has(`@${name}`));
  return names.length > 0 ? names : undefined;
}

/** Forwards a message to somebody. The server looks it up. */
export async function forward(room: string, message: Message, to: string): Promise<void> {
  const data: Extra = { forward: { room, seq: message.seq } };
  await attempt(direct(to).then((id) => chat.room(id).post({ data })));
}

/** Gives the text of a refused message back to be written anew. */
export function takeBack(room: string, cid: string, text = ""): void {
  chat.room(room).discard(cid);
  change((s) => ({ ...s, returned: text }));
}

/** Hands over what was taken back. */
export function returned(): string {
  const text = current().returned;
  if (text) change((s) => ({ ...s, returned: "" }));
  return text;
}

const ACTIVE = 60_000; // ms: the server forgets after five minutes that somebody is there
let said = 0;

/** Tells the others whether the visitor is there. */
function noticePresence(): void {
  change((s) => ({ ...s, hidden: document.hidden }));
  if (!chat.ready) return;
  said = Date.now();
  void chat.call("active", { idle: document.hidden }).catch(() => {});
}
noticePresence();
document.addEventListener("visibilitychange", noticePresence);
chat.socket.on("ready", noticePresence); // also of a tab in the background that comes back
for (const use of ["keydown", "pointerdown"]) addEventListener(use, () => Date.now() - said > ACTIVE && noticePresence());
