import { Refused, type Draft, type Message, type Pending } from "./wire.js";

const randomId = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");

type Answer = { seq: number; rev: number };

/** The posts of a user that are not among the messages of a room yet. The outbox sends them one at a time, so that they keep their order. */
export class Outbox {
  list: readonly Pending[] = [];
  #send: (p: Pending) => Promise<Answer>;
  #shown: (rev: number) => boolean;
  #changed: () => void;
  #begun: () => boolean;
  #sending = false;

  /**
   * `send` sends a post until the server answers it. `shown` returns whether the page shows the room up to a rev, or does not show it at all.
   * Until `begun` returns true, posts wait for those that an earlier page has left.
   */
  constructor(send: (p: Pending) => Promise<Answer>, shown: (rev: number) => boolean, changed: () => void, begun: () => boolean) {
    this.#send = send;
    this.#shown = shown;
    this.#changed = changed;
    this.#begun = begun;
  }

  post(room: string, draft: string | Draft): string {
    const p: Pending = { ...(typeof draft === "string" ? { text: draft } : draft), room, cid: randomId(), at: Date.now() };
    this.add(p);
    return p.cid;
  }

  add(p: Pending): void {
    this.#set([...this.list, p]);
    void this.flush();
  }

  /** Puts the posts that an earlier page has left before all others. */
  restore(left: readonly Pending[]): void {
    this.#set([...left, ...this.list]);
  }

  /** Sends a refused post again, after the posts that wait. */
  retry(cid: string): void {
    const refused = this.list.find((p) => p.cid === cid && p.error);
    if (!refused) return;
    this.list = this.list.filter((p) => p !== refused);
    this.add({ ...refused, error: undefined });
  }

  discard(cid: string): void {
    this.#set(this.list.filter((p) => p.cid !== cid || !p.error));
  }

  /** Drops the posts that messages have replaced. After a reset it drops all acknowledged posts. */
  replace(messages: readonly (Message | object)[], user: string, reset: boolean): void {
    const own = new Set(messages.map((m) => "author" in m && m.author === user && m.cid));
    const left = this.list.filter((p) => !own.has(p.cid) && !(p.rev && (reset || this.#shown(p.rev))));
    if (left.length < this.list.length) this.#set(left);
  }

  /** Sends the posts that wait. */
  async flush(): Promise<void> {
    if (this.#sending || !this.#begun()) return;
    this.#sending = true;
    for (let p; (p = this.list.find((p) => !p.error && !p.seq)); ) {
      try {
        const { seq, rev } = await this.#send(p);
        this.#answered(p.cid, this.#shown(rev) ? undefined : { seq, rev });
      } catch (err) {
        if (!(err instanceof Refused)) break; // the chat is closed
        this.#answered(p.cid, { error: { ...err.data, text: err.message } });
      }
    }
    this.#sending = false;
  }

  /** Notes the answer to a post. Without an answer it drops the post. */
  #answered(cid: string, answer?: Partial<Pending>): void {
    this.#set(this.list.flatMap((p) => (p.cid !== cid ? p : answer ? { ...p, ...answer } : [])));
  }

  #set(list: readonly Pending[]): void {
    this.list = list;
    this.#changed();
  }
}
