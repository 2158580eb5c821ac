// What the server says becomes state. Each listener is registered once, when this module is loaded.
//
// A slice of Go that is nil arrives as null: here, at the border, it becomes an empty list.

import type { Message, Typing } from "./events";
import { saveRooms } from "./identity";
import { socket } from "./socket";
import {
  EVERYONE,
  type Key,
  joinedRooms,
  keyOf,
  markRead,
  merge,
  personKey,
  roomKey,
  type State,
  startTyping,
  stopTyping,
} from "./state";
import { change, current } from "./store";

const TYPING_LASTS = 4000; // ms after the last sign of it

socket.on("connect", async () => {
  change((s) => ({ ...s, link: { status: "online" } }));
  for (const room of joinedRooms(current())) await enter(room);
});

socket.on("disconnect", (why) => {
  change((s) => ({ ...s, typing: {}, link: { status: "offline", why, retrying: socket.active } }));
});

socket.on("connect_error", (error) => {
  if (socket.active) {
    change((s) => ({ ...s, link: { status: "offline", why: error.message, retrying: true } }));
  } else {
    change((s) => ({ ...s, link: { status: "signed out", error: error.message } }));
  }
});

socket.on("welcome", ({ me, people, rooms, announcements, inbox }) => {
  change((s) => {
    let next: State = { ...s, me, people: people ?? [], rooms: rooms ?? [] };
    next = merge(next, EVERYONE, announcements ?? [], s.me === null || isRead(EVERYONE));
    for (const message of inbox ?? []) {
      const key = keyOf(message, me);
      next = merge(next, key, [message], s.me === null || isRead(key));
    }
    return next;
  });
});

socket.on("people", (people) => change((s) => ({ ...s, people: people ?? [] })));
socket.on("rooms", (rooms) => change((s) => ({ ...s, rooms: rooms ?? [] })));
socket.on("message", receive);
socket.on("announcement", receive);
socket.on("direct", receive);
socket.on("forward", receive);
socket.on("typing", showTyping);

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) change((s) => markRead(s, s.current));
});

/** Joins a room and takes over what was said there. Joining again is how a page catches up. */
export async function enter(name: string): Promise<string | undefined> {
  const reply = await socket.timeout(20_000).emitWithAck("join", name).catch(lost);
  if ("error" in reply) {
    change((s) => ({ ...s, notice: reply.error }));
    return undefined;
  }
  const key = roomKey(reply.room);
  change((s) => merge(s, key, reply.history ?? [], !s.conversations[key]?.entries.length || isRead(key)));
  saveRooms(joinedRooms(current()));
  return key;
}

const lost = (): { error: string } => ({ error: "The server doesn't answer." });

function receive(message: Message): void {
  change((s) => {
    const key = keyOf(message, s.me);
    return stopTyping(merge(s, key, [message], isRead(key)), key, message.from.id);
  });
}

function isRead(key: Key): boolean {
  return key === current().current && !document.hidden;
}

const timers = new Map<string, ReturnType<typeof setTimeout>>();

function showTyping({ from, room, to }: Typing): void {
  if (from.id === current().me?.id) return; // another tab of the visitor
  const key = room ? roomKey(room) : to ? personKey(from.id) : EVERYONE;
  const timer = `${key} ${from.id}`;
  clearTimeout(timers.get(timer));
  timers.set(
    timer,
    setTimeout(() => {
      timers.delete(timer);
      change((s) => stopTyping(s, key, from.id));
    }, TYPING_LASTS),
  );
  change((s) => startTyping(s, key, from));
}
