// What the page knows besides the messages, which useRoom has, and how that changes: pure functions, no socket, no React.

import type { Message, RoomState } from "roomcast-chat";

/** Why there is no connection: no network, no server, a server that is silent, or one that has ended the session. */
export type Why = "network" | "gone" | "silent" | "ended";

export type Link =
  | { status: "signed out"; error?: string }
  | { status: "connecting" }
  | { status: "online" }
  | { status: "offline"; why: Why };

export type Presence = "online" | "away" | "offline";

/** What the composer is about, besides a new message. */
export type Task = { does: "edit" | "reply"; message: Message };

export interface State {
  link: Link;
  /** The visitor's name, which is the id of the user. */
  me: string;
  /** The visitor's rooms, by id. */
  rooms: Record<string, RoomState>;
  /** The people that are in a room, as far as they were asked for. */
  members: Record<string, string[]>;
  presence: Record<string, Presence>;
  /** The id of the room that is shown. */
  current: string;
  /** Whether it is scrolled to its end. */
  atEnd: boolean;
  /** Whether the tab is in the background. */
  hidden: boolean;
  /** In the current room, what is later than this was new when the visitor turned to it. */
  newSince?: number;
  /** The seq of the message in the current room that is to come into view. */
  sought?: number;
  task?: Task;
  /** The server's answer to something the visitor asked for outside a conversation. */
  notice: string;
  /** Whether the server has another version of the page. */
  stale: boolean;
  /** The text of a message that wasn't sent, on its way back to where it was written. */
  returned: string;
}

export const LOBBY = "lobby";
export const EVERYONE = "everyone";
export const DIRECTORY = "Rooms"; // its messages are the rooms that there are

export const initial: State = {
  link: { status: "signed out" },
  me: "",
  rooms: {},
  members: {},
  presence: {},
  current: LOBBY,
  atEnd: true,
  hidden: false,
  notice: "",
  stale: false,
  returned: "",
};

export type Kind = "room" | "person" | "notes" | "everyone";

export function kindOf(room: RoomState | undefined): Kind {
  if (room?.id === EVERYONE) return "everyone";
  if (room?.with) return "person";
  return room?.kind === "closed" ? "notes" : "room";
}

/** What a room is called: a direct one by the other person, others by the name that its maker gave it. */
export function nameOf(room: RoomState | undefined, id: string): string {
  if (id === EVERYONE) return "Everyone";
  return room?.with ?? (typeof room?.info === "string" ? room.info : id);
}

/** The direct room with somebody, or the visitor's notes, if it is there. */
export const directWith = (state: State, person: string): RoomState | undefined =>
  Object.values(state.rooms).find((r) => (person === state.me ? kindOf(r) === "notes" : r.with === person));

/** Takes rooms of the server's list; those that were known may know of a newer message. */
export function list(state: State, rooms: RoomState[]): State {
  const next = { ...state.rooms };
  for (const room of rooms) {
    const known = next[room.id];
    next[room.id] = known?.epoch === room.epoch ? later(known, { ...room, seq: Math.max(room.seq, known.seq) }) : room;
  }
  return notice({ ...state, rooms: next }, state);
}

/** Of two states of a room the marker that was set last counts. */
function later(known: RoomState, room: RoomState): RoomState {
  const newer = known.gen > room.gen || (known.gen === room.gen && known.read > room.read);
  return newer ? { ...room, read: known.read, gen: known.gen } : room;
}

export function unlist(state: State, id: string): State {
  const { [id]: _, ...rooms } = state.rooms;
  return { ...state, rooms };
}

/** Notes the newest message of a room. */
export function hear(state: State, id: string, seq: number): State {
  const room = state.rooms[id];
  if (!room || room.seq >= seq) return state;
  return notice({ ...state, rooms: { ...state.rooms, [id]: { ...room, seq } } }, state);
}

/** Notes how far the visitor has read a room, in this tab or in another. */
export function mark(state: State, id: string, read: number, gen: number): State {
  const room = state.rooms[id];
  if (!room || gen < room.gen || (gen === room.gen && read <= room.read)) return state;
  const mentions = read >= room.seq ? 0 : room.mentions;
  return { ...state, rooms: { ...state.rooms, [id]: { ...room, read, gen, mentions } } };
}

/** How many messages haven't been seen in any tab. */
export const unread = (room: RoomState | undefined): number =>
  room ? Math.max(0, room.seq - Math.max(room.read, room.floor - 1)) : 0;

export const allUnread = (state: State): number =>
  Object.values(state.rooms).reduce((sum, room) => sum + unread(room), 0);

/** Notes where the new messages begin, if the current room had none before. */
function notice(state: State, before: State): State {
  const [room, was] = [state.rooms[state.current], before.rooms[state.current]];
  const begins = !(state.atEnd && !state.hidden) && unread(was) === 0 && unread(room) > 0;
  return begins ? { ...state, newSince: room?.read } : state;
}

/** Turns to a room. If something in it is new, that is shown first, instead of the end. */
export function turnTo(state: State, id: string): State {
  const room = state.rooms[id];
  const isNew = unread(room) > 0;
  return { ...state, current: id, notice: "", task: undefined, sought: undefined, atEnd: !isNew, newSince: isNew ? room?.read : undefined };
}

