// What the server says besides the messages becomes state. Each listener is registered once, when this module is loaded.

import type { Frame, Marker, Ready, RoomState } from "roomcast-chat";
import { goTo, turnAway } from "./address";
import { greet, meet, see, type Sighting } from "./people";
import { chat } from "./session";
import { hear, list, mark, unlist, type Why } from "./state";
import { change, current } from "./store";

const { socket } = chat;

socket.on("connect", () => change((s) => ({ ...s, link: { status: "online" } })));

socket.on("disconnect", (reason) => offline(reason));

socket.on("connect_error", (error) => {
  if (socket.active) return offline(error.message);
  change((s) => ({ ...s, link: { status: "signed out", error: error.message } }));
});

function offline(reason: string): void {
  change((s) => ({ ...s, link: { status: "offline", why: whyOf(reason) } }));
}

function whyOf(reason: string): Why {
  if (!socket.active) return "ended";
  if (!navigator.onLine) return "network";
  return reason === "ping timeout" || reason === "timeout" ? "silent" : "gone";
}

socket.on("ready", async (ready: Ready) => {
  const first = !current().me;
  const rooms = [...ready.rooms, ...(ready.more ? await further(ready.rooms) : [])];
  change((s) => {
    const gone = Object.keys(s.rooms).filter((id) => !rooms.some((r) => r.id === id));
    return list(gone.reduce(unlist, { ...s, me: ready.user.id }), rooms);
  });
  if (first) void goTo(location.hash);
  else if (!current().rooms[current().current]) turnAway();
  greet();
});

/** The rooms that the list of "ready" has no place for. */
async function further(known: RoomState[]): Promise<RoomState[]> {
  const after = known.at(-1)?.id;
  const page = await chat.call<{ rooms: RoomState[]; more: boolean }>("rooms", { after });
  return page.more ? [...page.rooms, ...(await further(page.rooms))] : page.rooms;
}

/** The newest messages of rooms that the list may not have yet. */
const early = new Map<string, number>();

socket.on("rooms", ({ set = [], gone = [] }: { set?: RoomState[]; gone?: { id: string; why: string }[] }) => {
  change((s) => {
    let next = gone.reduce((s, { id }) => unlist(s, id), list(s, set));
    for (const { id } of set) next = hear(next, id, early.get(id) ?? 0);
    return next;
  });
  for (const { id, why } of gone) if (id === current().current) turnAway(why);
  greet();
});

socket.on("heads", (heads: [room: string, seq: number][]) => {
  for (const [room, seq] of heads) {
    early.set(room, seq);
    change((s) => hear(s, room, seq));
  }
});

socket.on("changes", (frame: Frame) => {
  const newest = Math.max(0, ...frame.messages.map((m) => m.seq));
  change((s) => hear(s, frame.room, newest));
  if (frame.members) meet(frame.room, frame.members);
});

socket.on("read", ({ room, user, read, gen }: Marker & { room: string; user: string }) => {
  if (user === current().me) change((s) => mark(s, room, read, gen));
});

socket.on("presence", ({ users = [] }: { users?: Sighting[] }) => see(users));
