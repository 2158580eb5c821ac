// Users of a chat with the stock client, who post and change messages in two rooms while the server is killed again and again. Each line of
// stdin is {act: true}, {rest: true} or {settle: {room: rev}}; each line of stdout is {ack}, {resting: true} or {views}.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const { io } = createRequire(`${process.cwd()}/`)("socket.io-client");
const rooms = ["r", "s"];
const transports = [["websocket"], ["polling"], ["polling", "websocket"], ["websocket"]];
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const pick = (list) => list[Math.floor(Math.random() * list.length)];
let acting = false;
let acts = []; // of all users

// A View is what a user sees of a room, kept by the rule for frames.
class View {
  constructor(room) {
    Object.assign(this, { room, epoch: "", rev: 0, low: 0, rows: new Map(), stubs: new Set(), opening: false, gaps: 0, resets: 0 });
  }

  take(frame) {
    if (frame.reset) {
      this.resets++;
      this.rows.clear();
      this.stubs.clear();
      this.epoch = frame.epoch;
      this.rev = frame.from;
      this.low = 0;
    }
    for (const message of frame.messages) this.row(message);
    for (const seq of this.rows.keys()) if (seq < frame.floor) this.rows.delete(seq);
    if (frame.reset && this.rows.size > 0) this.low = Math.min(...this.rows.keys());
    this.rev = Math.max(this.rev, frame.to);
  }

  row(message) {
    const known = this.rows.get(message.seq);
    if (known ? known.rev >= message.rev : message.seq < this.low) return;
    if (message.author === undefined) {
      if (known) this.stubs.add(message.seq);
      return;
    }
    if (known?.ver === message.ver) {
      const { text, data, files } = known; // the frame may leave them out
      message = { ...message, text, data, files };
    }
    this.rows.set(message.seq, message);
    this.stubs.delete(message.seq);
  }
}

class User {
  constructor(name, transports) {
    this.name = name;
    this.posts = 0;
    this.dups = 0;
    this.views = Object.fromEntries(rooms.map((room) => [room, new View(room)]));
    this.socket = io(`${process.env.URL}/chat`, {
      transports,
      forceNew: true,
      reconnectionDelay: 10,
      reconnectionDelayMax: 100,
      retries: Infinity,
      ackTimeout: 10_000,
      auth: (cb) => cb({ user: name, rooms: this.cursors() }),
    });
    this.socket.on("changes", (frame) => this.changes(frame));
  }

  cursors() {
    const opened = Object.values(this.views).filter((view) => view.epoch !== "");
    return Object.fromEntries(opened.map(({ room, epoch, rev }) => [room, { epoch, rev }]));
  }

  changes(frame) {
    const view = this.views[frame.room];
    if (view.opening) return;
    if (!frame.reset && (frame.epoch !== view.epoch || frame.from > view.rev)) {
      view.gaps++;
      this.open(view);
      return;
    }
    view.take(frame);
    this.ask(view);
    if (frame.more) this.open(view);
  }

  async open(view) {
    view.opening = true;
    for (let more = true; more; ) {
      const frame = await this.command("open", { room: view.room, epoch: view.epoch, rev: view.rev });
      view.take(frame);
      more = frame.more;
    }
    view.opening = false;
    this.ask(view);
  }

  // ask asks for messages of which only the seq is known.
  async ask(view) {
    if (view.stubs.size === 0) return;
    const page = await this.command("history", { room: view.room, seqs: [...view.stubs] });
    for (const message of page.messages) view.row(message);
  }

  // command sends a command again while it is unavailable.
  async command(name, argument) {
    for (;;) {
      const reply = await this.socket.emitWithAck(name, argument);
      if (reply.data?.code !== "unavailable") return reply;
      await pause(100);
    }
  }

  async act() {
    while (acting) {
      await (Math.random() < 0.6 ? this.post() : this.touch());
      await pause(Math.random() * 4);
    }
  }

  async post() {
    const cid = `${this.name}-${++this.posts}`;
    const room = pick(rooms);
    const reply = await this.command("post", { room, cid, text: `text of ${cid}` });
    if (reply.error) throw new Error(`post: ${JSON.stringify(reply)}`);
    if (reply.dup) this.dups++;
    say({ ack: { room, cid, seq: reply.seq } });
  }

  // touch changes a message that the user sees. It may be refused, as others change it, too.
  touch() {
    const { room, rows } = pick(Object.values(this.views));
    const message = pick([...rows.values()].slice(-20));
    if (!message || message.deleted) return pause(1);
    const { seq, ver, text } = message;
    if (message.author !== this.name || Math.random() < 0.4) return this.command("react", { room, seq, emoji: "👍", on: Math.random() < 0.7 });
    return Math.random() < 0.2 ? this.command("delete", { room, seq }) : this.command("edit", { room, seq, ver, text: `${text}!` });
  }

  // settled waits for a while until the views are at these revs.
  async settled(heads) {
    const behind = (view) => view.opening || view.stubs.size > 0 || view.rev !== heads[view.room];
    for (let i = 0; i < 12000 && Object.values(this.views).some(behind); i++) await pause(10);
    return Object.values(this.views).map(({ room, rev, gaps, resets, low, rows }) => ({
      ...{ user: this.name, room, rev, gaps, resets, low, dups: this.dups },
      rows: [...rows.values()].sort((a, b) => a.seq - b.seq),
    }));
  }
}

const users = transports.map((list, i) => new User(`user${i}`, list));
await Promise.all(users.flatMap((user) => Object.values(user.views).map((view) => user.open(view))));
say({ resting: true });
for await (const line of createInterface({ input: process.stdin })) {
  const { act, rest, settle } = JSON.parse(line);
  if (act) {
    acting = true;
    acts = users.map((user) => user.act());
  } else if (rest) {
    acting = false;
    await Promise.all(acts);
    say({ resting: true });
  } else {
    say({ views: (await Promise.all(users.map((user) => user.settled(settle)))).flat() });
  }
}
process.exit(); // the test has ended
