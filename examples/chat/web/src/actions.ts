// What the visitor does.

import type { Message, Profile, Reply } from "./events";
import { forget, randomId, saveName, savedRooms, saveRooms } from "./identity";
import { enter } from "./listeners";
import { post } from "./outbox";
import { preview } from "./pictures";
import { socket } from "./socket";
import {
  type Entry,
  EVERYONE,
  type Key,
  joinedRooms,
  keyOf,
  look,
  merge,
  nameOf,
  personKey,
  place,
  roomKey,
  turnTo,
  update,
  without,
  withoutConversation,
} from "./state";
import { change, current } from "./store";

export function signIn(name: string): void {
  saveName(name);
  change((s) => {
    let next = s;
    for (const room of savedRooms()) next = merge(next, roomKey(room), []);
    return { ...next, link: { status: "connecting" } };
  });
  socket.connect();
}

export function signOut(): void {
  forget();
  location.reload();
}

export function reconnect(): void {
  change((s) => ({ ...s, link: { status: "connecting" } }));
  socket.connect();
}

export function open(key: Key): void {
  change((s) => look(turnTo(s, key)));
}

/** Says whether the visitor has scrolled the current conversation to its end. */
export function seeEnd(atEnd: boolean): void {
  change((s) => (s.atEnd === atEnd ? s : look({ ...s, atEnd })));
}

/** Opens a room, and makes it if there is none of this name. Resolves with why it can't, or with undefined. */
export async function joinRoom(name: string): Promise<string | undefined> {
  const { room, refusal } = await enter(name);
  if (room) open(roomKey(room));
  return refusal;
}

export function leaveRoom(name: string): void {
  socket.emit("leave", name);
  open(EVERYONE);
  change((s) => withoutConversation(s, roomKey(name)));
  saveRooms(joinedRooms(current()));
}

export function showNotice(notice = ""): void {
  change((s) => ({ ...s, notice }));
}

let lastTyping = 0;

/** Says that the visitor is typing, at most every two seconds, and not at all while offline. */
export function typing(key: Key): void {
  if (Date.now() - lastTyping < 2000) return;
  lastTyping = Date.now();
  socket.volatile.emit("typing", place(key));
}

export function say(key: Key, text: string, picture?: ArrayBuffer): void {
  const id = randomId();
  const { room, to } = place(key);
  const event = room ? "message" : to ? "direct" : "announce";
  lastTyping = 0;
  change((s) => look({ ...s, atEnd: true, newSince: undefined })); // who says something wants to see it
  const shown = { text, picture: picture && preview(id, picture) };
  deliver(key, id, shown, () => post({ event, data: { id, room, to, text, picture } }));
}

export function forward(entry: Entry, receiver: Profile): void {
  const id = randomId();
  const { text, picture, from } = entry;
  const shown = { text, picture, author: entry.author ?? from };
  deliver(personKey(receiver.id), id, shown, () =>
    post({ event: "forward", data: { id, to: receiver.id, message: entry.id } }),
  );
}

/** How to send a failed message again, by its id in the page. */
const again = new Map<string, () => void>();

export function retry(entry: Entry): void {
  again.get(entry.id)?.();
}

export function discard(entry: Entry): void {
  again.delete(entry.id);
  change((s) => without(s, keyOf(entry, s.me), entry.id));
}

/** Gives the text of a failed message back to be written anew. */
export function takeBack(entry: Entry): void {
  discard(entry);
  change((s) => ({ ...s, returned: entry.text }));
}

/** Hands over what was taken back. */
export function returned(): string {
  const text = current().returned;
  if (text) change((s) => ({ ...s, returned: "" }));
  return text;
}

/** Shows a message as being sent, and then what became of it. */
function deliver(
  key: Key,
  id: string,
  shown: Pick<Entry, "text" | "picture" | "author">,
  send: () => Promise<Reply<Message>>,
): void {
  const state = current();
  if (!state.me) return;
  const { room, to } = place(key);
  const entry: Entry = {
    id: `${state.me.id}/${id}`,
    from: state.me,
    room,
    to: to ? { id: to, name: nameOf(state, to) } : undefined,
    ...shown,
    at: Date.now(),
    sending: true,
  };
  change((s) => merge(s, key, [entry]));
  const attempt = async () => {
    again.delete(entry.id);
    change((s) => update(s, key, entry.id, { sending: true, error: undefined }));
    const reply = await send();
    if ("error" in reply) {
      again.set(entry.id, attempt);
      change((s) => update(s, key, entry.id, { sending: false, error: reply.error }));
    } else {
      change((s) => merge(without(s, key, entry.id), key, [reply]));
    }
  };
  void attempt();
}
