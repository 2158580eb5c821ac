import type { Chat } from "./chat.js";
import { Outbox } from "./outbox.js";
import { Window } from "./window.js";
import type { Draft, Frame, Marker, Message, Page, Pending, RoomState, RoomView, Settings } from "./wire.js";

/** The client's state of a room. The room is open, and its state up to date, while it has subscribers. */
export class Room {
  readonly id: string;
  #chat: Chat;
  #view?: RoomView;
  #listeners = new Set<() => void>();
  #window = new Window();
  #wanted = false;
  #sent = false; // the cursor, with this connect
  #opening = false;
  #opens = 0; // a reply to an earlier open does not count
  #live = false;
  #error?: string;
  #settings?: Settings;
  #outbox: Outbox;
  #head = 0; // seq of the newest message, also one that is not loaded
  #marker: Marker = { read: 0, gen: 0 };
  #of = ""; // the epoch of the marker
  #marking = false;
  #receipts: Record<string, number> = {};
  #typing = new Map<string, ReturnType<typeof setTimeout>>();
  #typedAt = 0;

  constructor(chat: Chat, id: string) {
    this.#chat = chat;
    this.id = id;
    this.#outbox = new Outbox(
      ({ cid, text, data, files, replyTo, mentions }) => this.#do("post", { cid, text, data, files: files?.map((f) => f.id), replyTo, mentions }),
      (rev) => rev <= this.#window.rev || !this.#wanted || !!this.#error,
      () => {
        this.#changed();
        chat.keep();
      },
      () => !!chat.user,
    );
  }

  /** Calls `changed` after each change of the snapshot. Returns a function that ends the calls. */
  subscribe = (changed: () => void): (() => void) => {
    const listener = () => changed();
    this.#listeners.add(listener);
    if (!this.#wanted) {
      this.#wanted = true;
      this.open();
    }
    return () => {
      this.#listeners.delete(listener);
      setTimeout(() => this.#listeners.size === 0 && this.#close(), 1000); // a component may come back at once
    };
  };

  snapshot = (): RoomView =>
    (this.#view ??= {
      messages: this.#window.list(),
      pending: this.#outbox.list,
      live: this.#live,
      older: this.#window.older,
      error: this.#error,
      settings: this.#settings,
      readTo: this.#marker.read,
      unread: Math.max(0, this.#head - Math.max(this.#marker.read, this.#window.floor - 1)),
      receipts: { ...this.#receipts },
      typing: [...this.#typing.keys()],
    });

  #changed(): void {
    this.#view = undefined;
    for (const listener of [...this.#listeners]) listener();
  }

  // What the user does.

  /** Posts a message, now or when the client is connected again. Returns the cid. */
  post = (draft: string | Draft): string => this.#outbox.post(this.id, draft);

  /** Sends a refused post again, after the posts that wait. */
  retry = (cid: string): void => this.#outbox.retry(cid);

  /** Discards a refused post. */
  discard = (cid: string): void => this.#outbox.discard(cid);

  /** Throws Refused with the code "conflict" if the message has changed since it was shown. */
  edit = (m: Message, draft: string | Draft) =>
    this.#do("edit", { seq: m.seq, ver: m.ver, ...(typeof draft === "string" ? { text: draft, data: m.data, mentions: m.mentions } : draft) });

  delete = (seq: number, reason?: string) => this.#do("delete", { seq, reason });

  react = (seq: number, emoji: string, on = true) => this.#do("react", { seq, emoji, on });

  /** Returns whether this user has reacted to a message with an emoji. */
  reacted = (m: Message, emoji: string): boolean =>
    this.#window.hasReacted(m.seq, emoji) || !!m.reactions?.some((r) => r.e === emoji && r.by.includes(this.#chat.user?.id ?? ""));

  /** Loads messages from before the first one that is loaded. */
  loadOlder = async (limit = 50): Promise<void> => {
    const asked = this.#window.before();
    if (!asked) return;
    let page: Page | undefined;
    try {
      page = await this.#do<Page>("history", { before: this.#window.low, limit });
    } finally {
      this.#window.prepend(asked, page);
      this.#changed();
    }
  };

  /** Moves the read marker forward, by default to the newest message. */
  read = async (seq = this.#head): Promise<void> => {
    if (seq <= this.#marker.read) return;
    this.#mark({ ...this.#marker, read: seq });
    if (this.#marking) return; // the loop below sends the newest marker
    this.#marking = true;
    try {
      for (let sent = 0; sent < this.#marker.read; ) {
        sent = this.#marker.read;
        this.#mark(await this.#do<Marker>("read", { seq: sent, gen: this.#marker.gen }));
      }
    } catch {
      // The page keeps showing this marker: the user is not a member, or the chat is closed.
    } finally {
      this.#marking = false;
    }
  };

  /** Makes a message, and those after it, unread again. */
  markUnread = async (seq: number): Promise<void> => this.#mark(await this.#do<Marker>("unread", { seq }));

  /** Tells the others that the user is typing. It may be called at each key. */
  type = (): void => {
    if (!this.#live || Date.now() - this.#typedAt < 2500) return;
    this.#typedAt = Date.now();
    this.#chat.socket.volatile.emit("typing", { room: this.id }, () => {});
  };

  #do = <T = { rev: number }>(command: string, arg: object) => this.#chat.call<T>(command, { room: this.id, ...arg });

  // What the server says.

  /** Takes over the waiting posts of the page before the reload. */
  restore = (left: Pending[]): void => this.#outbox.restore(left);

  /** Returns the cursor for a connect, if there is one. */
  cursor(): [id: string, at: { epoch: string; rev: number }][] {
    this.#sent = this.#wanted && this.#window.epoch !== "" && !this.#error;
    return this.#sent ? [[this.id, { epoch: this.#window.epoch, rev: this.#window.rev }]] : [];
  }

  ready(): void {
    void this.#outbox.flush();
    if (!this.#sent) this.open();
  }

  lost(): void {
    this.#opens++;
    this.#opening = this.#live = false;
    this.#changed();
  }

  /** Asks for the changes after the cursor. */
  open(): void {
    if (!this.#wanted || !this.#chat.ready) return;
    const number = ++this.#opens;
    const { epoch, rev } = this.#window;
    this.#opening = true; // the reply covers what comes before it
    this.#chat.send<Frame>("open", { room: this.id, epoch, rev }, (reply) => {
      if (number !== this.#opens) return;
      if (!reply || reply.data?.after) {
        setTimeout(() => number === this.#opens && this.open(), reply?.data?.after ?? 0);
        return;
      }
      this.#opening = false;
      this.#error = reply.error && (reply.data?.code ?? "internal");
      if (this.#error) this.#live = false;
      else this.#apply(reply);
      this.#changed();
    });
  }

  #close(): void {
    if (!this.#wanted) return;
    this.#wanted = this.#opening = this.#live = false;
    this.#opens++;
    this.#chat.send("close", { room: this.id }, () => {});
    this.#changed();
  }

  changes(f: Frame): void {
    if (this.#opening || !this.#wanted) return;
    if (this.#window.fits(f)) this.#apply(f);
    else this.open();
  }

  #apply(f: Frame): void {
    if (f.reset) this.#head = 0;
    this.#window.apply(f, !this.#live);
    this.#head = Math.max(this.#head, this.#window.head);
    this.#live = !f.more;
    if (f.info) this.#settings = f.info;
    for (const m of f.messages) if ("author" in m && m.rev === m.ver) this.#stopTyping(m.author);
    this.#outbox.replace(f.messages, this.#chat.user?.id ?? "", !!f.reset);
    if (this.#window.stubs.size) void this.#refresh();
    if (f.more) this.open();
    this.#changed();
  }

  async #refresh(): Promise<void> {
    const seqs = [...this.#window.stubs].slice(0, 100);
    for (const seq of seqs) this.#window.stubs.delete(seq);
    this.#window.refresh(await this.#do<Page>("history", { seqs }).catch(() => ({ messages: [], more: false, floor: 0, epoch: "" })));
    this.#changed();
    if (this.#window.stubs.size) void this.#refresh();
  }

  /** Takes the room's entry in the user's list of rooms. */
  listed(state: RoomState): void {
    this.#head = Math.max(this.#head, state.seq);
    if (state.epoch !== this.#of) this.#marker = { read: 0, gen: 0 }; // the room was made anew
    this.#of = state.epoch;
    this.#mark(state);
    if (this.#error) this.open();
  }

  marked(user: string, m: Marker): void {
    if (user === this.#chat.user?.id) return this.#mark(m);
    this.#receipts[user] = m.read;
    this.#changed();
  }

  #mark({ read, gen }: Marker): void {
    if (gen < this.#marker.gen || (gen === this.#marker.gen && read <= this.#marker.read)) return;
    this.#marker = { read, gen };
    this.#changed();
  }

  mine(seq: number, emoji: string, on: boolean, rev: number): void {
    this.#window.reacted(seq, emoji, on, rev);
    this.#changed();
  }

  typed(user: string, life: number): void {
    clearTimeout(this.#typing.get(user));
    this.#typing.set(user, setTimeout(() => this.#stopTyping(user), life));
    this.#changed();
  }

  #stopTyping(user: string): void {
    clearTimeout(this.#typing.get(user));
    if (this.#typing.delete(user)) this.#changed();
  }
}
