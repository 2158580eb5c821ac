// What the page knows, and how it changes: pure functions, no socket, no React.

import type { Message, Place, Profile, RoomInfo } from "./events";

/** A message in the page: `sending` until the server has acknowledged it. */
export interface Entry extends Message {
  sending?: boolean;
  error?: string;
}

export interface Conversation {
  entries: Entry[];
  unread: number;
}

export type Link =
  | { status: "signed out"; error?: string }
  | { status: "connecting" }
  | { status: "online" }
  | { status: "offline"; why: string; retrying: boolean };

/** Names a conversation: "everyone", "room:<name>" or "person:<id>". */
export type Key = string;

export interface State {
  link: Link;
  me: Profile | null;
  people: Profile[];
  rooms: RoomInfo[];
  conversations: Record<Key, Conversation>;
  typing: Record<Key, Profile[]>;
  current: Key;
  /** The server's answer to something the visitor asked for outside a conversation. */
  notice: string;
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
  conversations: {
    [EVERYONE]: { entries: [], unread: 0 },
    [roomKey(LOBBY)]: { entries: [], unread: 0 },
  },
  typing: {},
  current: roomKey(LOBBY),
  notice: "",
};

const KEPT = 300; // messages of one conversation

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
  for (const entry of state.conversations[personKey(id)]?.entries ?? []) {
    if (entry.from.id === id) return entry.from.name;
    if (entry.to?.id === id) return entry.to.name;
  }
  return "Somebody";
}

/** Adds entries to a conversation; one that is there already is replaced, never doubled. */
export function merge(state: State, key: Key, added: Entry[], read: boolean): State {
  const before = state.conversations[key] ?? { entries: [], unread: 0 };
  const byId = new Map(before.entries.map((e) => [e.id, e]));
  let fresh = 0;
  for (const entry of added) {
    if (!byId.has(entry.id) && entry.from.id !== state.me?.id) fresh++;
    byId.set(entry.id, entry);
  }
  const entries = [...byId.values()].sort(inOrder).slice(-KEPT);
  const unread = read ? before.unread : before.unread + fresh;
  return { ...state, conversations: { ...state.conversations, [key]: { entries, unread } } };
}

/** By the server's time; what the server doesn't have yet comes last. */
function inOrder(a: Entry, b: Entry): number {
  return Number(pending(a)) - Number(pending(b)) || a.at - b.at;
}

const pending = (e: Entry): boolean => Boolean(e.sending || e.error);

export function update(state: State, key: Key, id: string, change: Partial<Entry>): State {
  const conversation = state.conversations[key];
  if (!conversation) return state;
  const entries = conversation.entries.map((e) => (e.id === id ? { ...e, ...change } : e));
  return { ...state, conversations: { ...state.conversations, [key]: { ...conversation, entries } } };
}

export function without(state: State, key: Key, id: string): State {
  const conversation = state.conversations[key];
  if (!conversation) return state;
  const entries = conversation.entries.filter((e) => e.id !== id);
  return { ...state, conversations: { ...state.conversations, [key]: { ...conversation, entries } } };
}

export function markRead(state: State, key: Key): State {
  const conversation = state.conversations[key];
  if (!conversation?.unread) return state;
  return { ...state, conversations: { ...state.conversations, [key]: { ...conversation, unread: 0 } } };
}

export function withoutConversation(state: State, key: Key): State {
  const { [key]: _, ...conversations } = state.conversations;
  return { ...state, conversations };
}

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
