// The types of the commands and events, as far as the client uses them. docs/chat-protocol.md describes them all.

/** A message. `seq` orders messages, `rev` is the last change, `ver` the last change of the content. */
export interface Message {
  seq: number;
  rev: number;
  ver: number;
  author: string;
  cid?: string;
  at: number;
  text?: string;
  data?: unknown;
  files?: Attachment[];
  replyTo?: number;
  mentions?: string[];
  editedAt?: number;
  deleted?: { by?: string; at: number; reason?: string };
  /** `by` names at most 20 of the `n` users. */
  reactions?: { e: string; n: number; by: string[] }[];
  replies?: number;
  lastReply?: number;
}

/** A file of a message. */
export interface Attachment {
  id: string;
  name: string;
  type: string;
  size: number;
}

/** The content of a post. A text, data or files are required; `upload` returns the files. */
export type Draft = Pick<Message, "text" | "data" | "files" | "replyTo" | "mentions">;

/** A post that is not among the messages yet. A post with an `error` was refused, and waits for retry or discard. */
export interface Pending extends Draft {
  room: string;
  cid: string;
  at: number;
  /** Of the message, once the server has acknowledged the post. */
  seq?: number;
  rev?: number;
  error?: Refusal;
}

/** Why a command was refused: docs/chat-protocol.md lists the codes and their fields. */
export interface Refusal {
  code: string;
  /** A text for people, in a refused post. */
  text?: string;
  field?: string;
  limit?: number;
  until?: number;
  after?: number;
  message?: Message;
}

/** A command was refused. */
export class Refused extends Error {
  readonly data: Refusal;
  constructor(text: string, data: Refusal) {
    super(text);
    this.data = data;
  }
}

export type Reply<T> = T & { error?: string; data?: Refusal };

export interface Marker {
  read: number;
  gen: number;
}

export interface User {
  id: string;
  name?: string;
  data?: unknown;
}

/** The settings of a room. */
export interface Settings {
  kind: string;
  info?: unknown;
  slowMode?: number;
  visibility?: string;
  archived?: boolean;
  pins?: number[];
}

/** All changes of a room in the range (from, to]. */
export interface Frame {
  room: string;
  epoch: string;
  from: number;
  to: number;
  floor: number;
  messages: (Message | { seq: number; rev: number })[];
  /** Changed members. A user without a role is no longer a member. */
  members?: { user: string; role: string }[];
  info?: Settings;
  mine?: [seq: number, emoji: string][];
  reset?: boolean;
  more?: boolean;
}

export interface Page {
  messages: Message[];
  more: boolean;
  floor: number;
  epoch: string;
  mine?: [seq: number, emoji: string][];
}

/** A page of messages that a search has found, the newest first. */
export interface Found {
  messages: (Message & { room: string })[];
  /** Of the next page, if there is one. */
  after?: string;
}

/** A room in the user's list. */
export interface RoomState extends Settings, Marker {
  id: string;
  role: string;
  epoch: string;
  rev: number;
  seq: number;
  floor: number;
  unread: number;
  mentions: number;
  with?: string;
  last?: { seq: number; author: string; at: number; text?: string; files?: number; deleted?: boolean };
}

export interface Ready {
  user: User;
  device: string;
  now: number;
  limits: { text: number; data: number; mentions: number; files: number; file: number; follows: number };
  rooms: RoomState[];
  more?: boolean;
}

/** The state of a room for a page. A view is immutable: after a change there is a new one. */
export interface RoomView {
  /** In the order of seq, without gaps from the oldest loaded message on. */
  messages: readonly Message[];
  /** The user's own posts that are not among the messages yet. */
  pending: readonly Pending[];
  /** Whether the messages are up to date, and stay so. */
  live: boolean;
  /** Whether there are older messages to load. */
  older: boolean;
  /** The code with which the server refuses to open the room. */
  error?: string;
  settings?: Settings;
  /** How far this user has read, and how many messages follow. */
  readTo: number;
  unread: number;
  /** How far others have read, as far as the server has said since the connect. */
  receipts: Readonly<Record<string, number>>;
  /** The users that are typing. */
  typing: readonly string[];
}
