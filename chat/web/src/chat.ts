// A chat over the stock socket.io-client: a Chat is the connection of a user, and a Room contains the client's state of a room.

import { io, type ManagerOptions, type Socket, type SocketOptions } from "socket.io-client";
import { Room } from "./room.js";
import { Refused, type Found, type Frame, type Marker, type Pending, type Ready, type Reply, type RoomState, type User } from "./wire.js";

export * from "./upload.js";
export * from "./wire.js";
export type { Room } from "./room.js";

export interface ChatOptions {
  /** Called at each connect. It returns the object that the server's Authenticate decodes. If it throws, it is called again after a second. */
  auth?: () => object | Promise<object>;
  /** Keeps waiting posts over a reload of the page. It should belong to one tab, as sessionStorage does. */
  storage?: Pick<Storage, "getItem" | "setItem">;
  /** Options of the socket. `retries` must not be set: the chat has an outbox of its own. */
  socket?: Partial<ManagerOptions & SocketOptions>;
}

const answerWithin = 10_000; // the server answers within 8 s
const sleep = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

/** The connection of one user. The program may use its socket for events that a Room does not handle, such as "presence". */
export class Chat {
  readonly socket: Socket;
  /** Known after the first "ready". */
  user?: User;
  /** Whether commands can be sent now. */
  ready = false;
  #closed = false;
  #waiting: (() => void)[] = [];
  #rooms = new Map<string, Room>();
  #storage: ChatOptions["storage"];

  constructor(url: string, { auth = () => ({}), storage, socket }: ChatOptions = {}) {
    this.#storage = storage;
    const ask = async (): Promise<object> => {
      try {
        return await auth();
      } catch {
        return sleep(1000).then(ask);
      }
    };
    const cursors = () => Object.fromEntries([...this.#rooms.values()].flatMap((room) => room.cursor()));
    this.socket = io(url, { ...socket, auth: (send) => void ask().then((mine) => send({ ...mine, rooms: cursors() })) });
    this.socket.on("ready", (ready: Ready) => this.#begin(ready));
    this.socket.on("disconnect", () => {
      this.ready = false;
      for (const room of this.#rooms.values()) room.lost();
    });
    const at = <E extends { room: string }>(event: string, take: (room: Room, e: E) => void) =>
      this.socket.on(event, (e: E) => this.#rooms.get(e.room) && take(this.room(e.room), e));
    at<Frame>("changes", (room, frame) => room.changes(frame));
    at<Marker & { room: string; user: string }>("read", (room, e) => room.marked(e.user, e));
    at<{ room: string; user: string; for: number }>("typing", (room, e) => room.typed(e.user, e.for));
    at<{ room: string; seq: number; emoji: string; on: boolean; rev: number }>("mine", (room, e) => room.mine(e.seq, e.emoji, e.on, e.rev));
    this.socket.on("rooms", ({ set = [], gone = [] }: { set?: RoomState[]; gone?: { id: string }[] }) => {
      for (const state of set) this.room(state.id).listed(state);
      for (const { id } of gone) this.#rooms.get(id)?.open(); // it may still be readable
    });
  }

  /** Returns the room with an id, always the same object. */
  room(id: string): Room {
    const room = this.#rooms.get(id) ?? new Room(this, id);
    this.#rooms.set(id, room);
    return room;
  }

  /** Sends a command until the server answers it, also after reconnects. Throws Refused, except for errors after which it sends the command again. */
  async call<T>(event: string, arg: object): Promise<T> {
    for (;;) {
      if (this.#closed) throw new Error("the chat is closed");
      if (!this.ready) await new Promise<void>((resolve) => this.#waiting.push(resolve));
      else {
        const reply = await new Promise<Reply<T> | undefined>((resolve) => this.send<T>(event, arg, resolve));
        if (reply && !reply.error) return reply;
        if (reply && !reply.data?.after) throw new Refused(reply.error ?? "", reply.data ?? { code: "internal" });
        if (reply?.data?.after) await sleep(reply.data.after);
      }
    }
  }

  /** Searches a room and its threads, or all rooms that the user may read, for words and "phrases in quotation marks". */
  search = (text: string, page: { room?: string; after?: string; limit?: number } = {}): Promise<Found> =>
    this.call<Found>("search", { text, ...page });

  /** Sends a command once. Resolves to undefined if the server does not answer or the chat is not ready. */
  send<T>(event: string, arg: object, answer: (reply?: Reply<T>) => void): void {
    if (!this.ready) return answer();
    this.socket.timeout(answerWithin).emit(event, arg, (err: Error | null, reply: Reply<T>) => answer(err ? undefined : reply));
  }

  /** Ends the connection for good. */
  close(): void {
    this.#closed = true;
    this.socket.disconnect();
    for (const wake of this.#waiting.splice(0)) wake();
  }

  #begin(ready: Ready): void {
    const first = !this.user;
    this.user = ready.user;
    this.ready = true;
    if (first) {
      const kept = this.#kept();
      for (const id of new Set(kept.map((p) => p.room))) this.room(id).restore(kept.filter((p) => p.room === id));
      this.keep(); // also what was posted before
    }
    for (const state of ready.rooms) this.room(state.id).listed(state); // also for rooms that the page opens later
    for (const room of this.#rooms.values()) room.ready();
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** The posts that an earlier page has left: none, if the storage has something else or fails. */
  #kept(): Pending[] {
    try {
      const kept: unknown = JSON.parse(this.#storage?.getItem("chat " + this.user?.id) ?? "[]");
      return Array.isArray(kept) ? kept.filter((p: Partial<Pending> | null) => p?.room && p.cid) : [];
    } catch {
      return [];
    }
  }

  /** Rooms call it when their posts have changed. If the storage is full, posts are sent all the same. */
  keep(): void {
    if (!this.user || !this.#storage) return;
    const all = [...this.#rooms.values()].flatMap((room) => room.snapshot().pending).filter((p) => !p.rev);
    try {
      this.#storage.setItem("chat " + this.user.id, JSON.stringify(all));
    } catch (err) {
      console.warn("chat: posts that wait do not survive a reload:", err);
    }
  }
}
