import type { Frame, Message, Page } from "./wire.js";

/** The loaded messages of a room. They follow the rule for frames in docs/chat-protocol.md. */
export class Window {
  epoch = "";
  rev = 0;
  low = 0; // the seq where the window begins
  floor = 0;
  head = 0; // the largest seq
  /** Messages of which only the change is known. */
  stubs = new Set<number>();
  #rows = new Map<number, Message>();
  #aside?: Map<number, Message>; // messages below the window that have changed since a page of history was asked for
  #more = false;
  #mine = new Map<string, { on: boolean; rev: number }>();

  /** The messages in the order of seq. */
  list = (): Message[] => [...this.#rows.values()].sort((a, b) => a.seq - b.seq);

  get older(): boolean {
    return this.#more && this.low > Math.max(1, this.floor);
  }

  /** Returns whether a frame adjoins the known changes. */
  fits = (f: Frame): boolean => !!f.reset || (f.epoch === this.epoch && f.from <= this.rev);

  /** Takes a frame that fits. One that was sent to this client alone names all reactions of the user. */
  apply(f: Frame, alone: boolean): void {
    if (f.reset) {
      this.epoch = f.epoch;
      this.rev = f.from;
      this.low = this.head = 0;
      this.stubs.clear();
      this.#rows.clear();
      this.#mine.clear();
      this.#aside = undefined;
      this.#more = true;
    }
    for (const m of f.messages) {
      if ("author" in m) this.#take(m, alone);
      else if (m.rev > (this.#rows.get(m.seq)?.rev ?? Infinity)) this.stubs.add(m.seq);
    }
    for (const [seq, emoji] of f.mine ?? []) this.reacted(seq, emoji, true, f.to);
    this.floor = f.reset ? f.floor : Math.max(this.floor, f.floor);
    for (const seq of this.#rows.keys()) if (seq < f.floor) this.#rows.delete(seq);
    if (f.reset && this.#rows.size) this.low = Math.min(...this.#rows.keys());
    this.rev = Math.max(this.rev, f.to);
  }

  #take(m: Message, alone: boolean): void {
    const rows = m.seq >= this.low || this.#rows.has(m.seq) ? this.#rows : this.#aside;
    rows?.set(m.seq, newer(m, rows.get(m.seq)));
    this.stubs.delete(m.seq);
    this.head = Math.max(this.head, m.seq);
    if (alone) for (const r of m.reactions ?? []) if (r.n > r.by.length) this.reacted(m.seq, r.e, false, m.rev);
  }

  /** Must be called before the page asks for the history below the window. It returns undefined while another such request is under way. */
  before(): Map<number, Message> | undefined {
    return this.#aside || !this.older ? undefined : (this.#aside = new Map());
  }

  /** Takes a page of history, unless it belongs to an earlier window. Without a page the request has failed. */
  prepend(asked: Map<number, Message>, page?: Page): void {
    if (this.#aside !== asked) return;
    this.#aside = undefined;
    if (page?.epoch !== this.epoch) return;
    for (const m of page.messages) if (m.seq >= this.floor) this.#rows.set(m.seq, newer(m, asked.get(m.seq)));
    for (const [seq, emoji] of page.mine ?? []) this.reacted(seq, emoji, true, 0);
    this.low = page.messages[0]?.seq ?? this.low;
    this.#more = page.more;
  }

  /** Takes messages that were requested by their seqs. */
  refresh(page: Page): void {
    if (page.epoch !== this.epoch) return;
    for (const m of page.messages) {
      const known = this.#rows.get(m.seq);
      if (known) this.#rows.set(m.seq, newer(m, known));
    }
  }

  /** Notes a reaction of the user, unless a newer one is known. */
  reacted(seq: number, emoji: string, on: boolean, rev: number): void {
    const key = `${seq} ${emoji}`;
    if (rev >= (this.#mine.get(key)?.rev ?? 0)) this.#mine.set(key, { on, rev });
  }

  hasReacted = (seq: number, emoji: string): boolean => !!this.#mine.get(`${seq} ${emoji}`)?.on;
}

/** Returns the newer of two rows of a message. A row may lack the content that the other one has. */
function newer(a: Message, b: Message | undefined): Message {
  if (!b) return a;
  if (b.rev >= a.rev) [a, b] = [b, a];
  return a.ver === b.ver ? { ...a, text: a.text ?? b.text, data: a.data ?? b.data, files: a.files ?? b.files } : a;
}
