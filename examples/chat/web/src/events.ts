// The events between page and server, in both directions. chat.go is the other half.

export interface Profile {
  id: string;
  name: string;
}

export interface RoomInfo {
  name: string;
  people: number;
}

/** Where something is said: in a room, to a person (an id), or, with neither, to everyone. */
export interface Place {
  room?: string;
  to?: string;
}

export interface Message {
  /** The sender's id, a slash, and the id the sender gave the message. */
  id: string;
  from: Profile;
  room?: string;
  to?: Profile;
  text: string;
  /** The id of a picture, to be fetched with the event "picture". */
  picture?: string;
  /** Who said it first, when it was forwarded. */
  author?: Profile;
  /** Milliseconds since 1970, by the server's clock. */
  at: number;
}

export interface Draft extends Place {
  /** Made by the page: the server takes a message once, however often it is sent. */
  id: string;
  text: string;
  picture?: ArrayBuffer;
}

export interface Forward {
  id: string;
  to: string;
  /** The id of the message to forward. */
  message: string;
}

/** Sent with the handshake. The key tells two people apart who ask for the same name. */
export interface Credentials {
  name: string;
  key: string;
  rooms: string[];
}

export interface Welcome {
  me: Profile;
  people: Profile[];
  rooms: RoomInfo[];
  announcements: Message[];
  inbox: Message[];
}

export interface Joined {
  room: string;
  history: Message[];
}

export interface Typing {
  from: Profile;
  room?: string;
  to?: string;
}

export type Reply<T> = T | { error: string };

export interface ClientToServerEvents {
  join(room: string, reply: (r: Reply<Joined>) => void): void;
  leave(room: string): void;
  message(draft: Draft, reply: (r: Reply<Message>) => void): void;
  announce(draft: Draft, reply: (r: Reply<Message>) => void): void;
  direct(draft: Draft, reply: (r: Reply<Message>) => void): void;
  forward(forward: Forward, reply: (r: Reply<Message>) => void): void;
  picture(id: string, reply: (r: Reply<ArrayBuffer>) => void): void;
  typing(place: Place): void;
}

export interface ServerToClientEvents {
  welcome(welcome: Welcome): void;
  people(people: Profile[]): void;
  rooms(rooms: RoomInfo[]): void;
  message(message: Message): void;
  announcement(message: Message): void;
  direct(message: Message): void;
  forward(message: Message): void;
  typing(typing: Typing): void;
}
