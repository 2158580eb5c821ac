// What the server says becomes state. Each listener is registered once, when this module is loaded.
//
// A slice of Go that is nil arrives as null: here, at the border, it becomes an empty list.

import type { Message, Typing } from "./events";
import { saveRooms } from "./identity";
import { socket } from "./socket";
import {
  EVERYONE,
  hear,
  joinedRooms,
  keyOf,
  look,
  personKey,
  roomKey,
  type State,
  startTyping,
  stopTyping,
  takeOver,
  type Why,
} from "./state";
import { change, current } from "./store";

const TYPING_LASTS = 4000; // ms after the last sign of it

socket.on("connect", async () => {
  change((s) => ({ ...s, link: { status: "online" } }));
  for (const room of joinedRooms(current())) {
    const { refusal } = await enter(room);
    if (refusal) change((s) => ({ ...s, notice: refusal }));
  }
});

socket.on("disconnect", (reason) => offline(reason));

socket.on("connect_error", (error) => {
  if (socket.active) return offline(error.message);
  change((s) => ({ ...s, link: { status: "signed out", error: error.message } }));
});

function offline(reason: string): void {
  change((s) => ({ ...s, typing: {}, link: { status: "offline", why: whyOf(reason) } }));
}

function whyOf(reason: string): Why {
  if (!socket.active) return "ended";
  if (!navigator.onLine) return "network";
  return reason === "ping timeout" || reason === "timeout" ? "silent" : "gone";
}

socket.on("welcome", ({ me, people, rooms, announcements, inbox }) => {
  change((s) => {
    let next: State = { ...s, me, people: people ?? [], rooms: rooms ?? [] };
    next = takeOver(next, EVERYONE, announcements ?? []);
    for (const message of inbox ?? []) next = hear(next, keyOf(message, me), [message]);
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

/** Joins a room and takes over what was said there. Joining again is how a page catches up. */
export async function enter(name: string): Promise<{ room?: string; refusal?: string }> {
  const reply = await socket.timeout(20_000).emitWithAck("join", name).catch(lost);
  if ("error" in reply) return { refusal: reply.error };
  change((s) => takeOver(s, roomKey(reply.room), reply.history ?? []));
  saveRooms(joinedRooms(current()));
  return { room: reply.room };
}

const lost = (): { error: string } => ({ error: "The server doesn't answer." });

function receive(message: Message): void {
  change((s) => {
    const key = keyOf(message, s.me);
    return stopTyping(hear(s, key, [message]), key, message.from.id);
  });
}

const noticeVisibility = () => change((s) => look({ ...s, hidden: document.hidden }));
noticeVisibility();
document.addEventListener("visibilitychange", noticeVisibility);

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
