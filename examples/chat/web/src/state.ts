// What the page knows, and how it changes: pure functions, no socket, no React.

import type { Message, Place, Profile, RoomInfo } from "./events";

/** A message in the page: `sending` until the server has acknowledged it. */
export interface Entry extends Message {
  sending?: boolean;
  error?: string;
}

/** Why there is no connection: no network, no server, a server that is silent, or one that has ended the session. */
export type Why = "network" | "gone" | "silent" | "ended";

export type Link =
  | { status: "signed out"; error?: string }
  | { status: "connecting" }
  | { status: "online" }
  | { status: "offline"; why: Why };

/** Names a conversation: "everyone", "room:<name>" or "person:<id>". */
export type Key = string;

export interface State {
  link: Link;
  me: Profile | null;
  people: Profile[];
  rooms: RoomInfo[];
  /** What was said, the oldest first. */
  conversations: Record<Key, Entry[]>;
  /** Up to when each conversation has been read, in all tabs. */
  read: Record<Key, number>;
  typing: Record<Key, Profile[]>;
  current: Key;
  /** Whether the current conversation is scrolled to its end. */
  atEnd: boolean;
  /** Whether the tab is in the background. */
  hidden: boolean;
  /** In the current conversation, what is later than this was new when the visitor turned to it. */
  newSince?: number;
  /** The server's answer to something the visitor asked for outside a conversation. */
  notice: string;
  /** The text of a message that wasn't sent, on its way back to where it was written. */
  returned: string;
}

export const EVERYONE: Key = "everyone";
export const LOBBY = "lobby";
export const roomKey = (name: string): Key => `room:${name}`;
export const personKey = (id: string): Key => `person:${id}`;

export const initial: State = {
  link: { status: "signed out" },
  me: null,
  people: [],
  rooms: [],
  conversations: { [EVERYONE]: [], [roomKey(LOBBY)]: [] },
  read: {},
  typing: {},
  current: roomKey(LOBBY),
  atEnd: true,
  hidden: false,
  notice: "",
  returned: "",
};

const KEPT = 300; // messages of one conversation
const KEPT_ABOVE = 3000; // while the visitor has scrolled up: what is being read must not be cut off

export function place(key: Key): Place {
  if (key.startsWith("room:")) return { room: key.slice(5) };
  if (key.startsWith("person:")) return { to: key.slice(7) };
  return {};
}

/** The conversation a message belongs to, seen by `me`. */
export function keyOf(message: Message, me: Profile | null): Key {
  if (message.room) return roomKey(message.room);
  if (message.to) return personKey(message.from.id === me?.id ? message.to.id : message.from.id);
  return EVERYONE;
}

export function joinedRooms(state: State): string[] {
  return Object.keys(state.conversations).flatMap((key) => place(key).room ?? []);
}

/** The name of a person, also of one who has left. */
export function nameOf(state: State, id: string): string {
  const online = state.people.find((p) => p.id === id);
  if (online) return online.name;
  for (const entry of state.conversations[personKey(id)] ?? []) {
    if (entry.from.id === id) return entry.from.name;
    if (entry.to?.id === id) return entry.to.name;
  }
  return "Somebody";
}

/** Adds entries to a conversation, in their order; one that is there already is replaced, never doubled. */
export function merge(state: State, key: Key, added: Entry[]): State {
  const byId = new Map(state.conversations[key]?.map((e) => [e.id, e]));
  for (const entry of added) byId.set(entry.id, entry);
  const kept = key === state.current && !state.atEnd ? KEPT_ABOVE : KEPT;
  const entries = [...byId.values()].sort(inOrder).slice(-kept);
  return { ...state, conversations: { ...state.conversations, [key]: entries } };
}

/** By the server's time; what the server doesn't have yet comes last. */
function inOrder(a: Entry, b: Entry): number {
  return Number(pending(a)) - Number(pending(b)) || a.at - b.at;
}

const pending = (e: Entry): boolean => Boolean(e.sending || e.error);

export function update(state: State, key: Key, id: string, change: Partial<Entry>): State {
  const entries = (state.conversations[key] ?? []).map((e) => (e.id === id ? { ...e, ...change } : e));
  return { ...state, conversations: { ...state.conversations, [key]: entries } };
}

export function without(state: State, key: Key, id: string): State {
  const entries = (state.conversations[key] ?? []).filter((e) => e.id !== id);
  return { ...state, conversations: { ...state.conversations, [key]: entries } };
}

export function withoutConversation(state: State, key: Key): State {
  const { [key]: _, ...conversations } = state.conversations;
  const { [key]: __, ...read } = state.read;
  return { ...state, conversations, read };
}

/** Adds what was said in a conversation, new or caught up on. */
export function hear(state: State, key: Key, said: Message[]): State {
  const next = look(merge(state, key, said));
  const begins = key === state.current && unread(state, key) === 0 && unread(next, key) > 0;
  return begins ? { ...next, newSince: readUntil(state, key) } : next;
}

/** Adds what was said in a conversation before the visitor came, which counts as read unless it was known before. */
export function takeOver(state: State, key: Key, history: Message[]): State {
  return key in state.read ? hear(state, key, history) : markRead(merge(state, key, history), key);
}

/** Turns to a conversation. If something in it is new, that is shown first, instead of the end. */
export function turnTo(state: State, key: Key): State {
  const next = { ...merge(state, key, []), current: key, notice: "" };
  const isNew = unread(next, key) > 0;
  return { ...next, atEnd: !isNew, newSince: isNew ? readUntil(next, key) : undefined };
}

/** Marks as read what the visitor sees. */
export function look(state: State): State {
  return state.atEnd && !state.hidden && unread(state, state.current) ? markRead(state, state.current) : state;
}

export const readUntil = (state: State, key: Key): number => state.read[key] ?? 0;

function markRead(state: State, key: Key): State {
  const last = state.conversations[key]?.findLast((e) => !pending(e))?.at ?? 0;
  return { ...state, read: { ...state.read, [key]: Math.max(last, readUntil(state, key)) } };
}

/** How many messages of others haven't been seen in any tab. */
export function unread(state: State, key: Key): number {
  const until = readUntil(state, key);
  const isNew = (e: Entry) => e.at > until && !pending(e) && e.from.id !== state.me?.id;
  return (state.conversations[key] ?? []).filter(isNew).length;
}

export const allUnread = (state: State): number =>
  Object.keys(state.conversations).reduce((sum, key) => sum + unread(state, key), 0);

export function startTyping(state: State, key: Key, who: Profile): State {
  const others = (state.typing[key] ?? []).filter((p) => p.id !== who.id);
  return { ...state, typing: { ...state.typing, [key]: [...others, who] } };
}

export function stopTyping(state: State, key: Key, id: string): State {
  if (!state.typing[key]?.some((p) => p.id === id)) return state;
  return {
    ...state,
    typing: { ...state.typing, [key]: state.typing[key].filter((p) => p.id !== id) },
  };
}
