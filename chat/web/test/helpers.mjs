// A real server, a relay that cuts connections, and clients.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Chat } from "roomcast-chat";

const source = fileURLToPath(new URL("../testdata/server", import.meta.url));

/** Builds and starts the server. */
export async function startServer() {
  const dir = mkdtempSync(join(tmpdir(), "roomcast-chat-"));
  const program = join(dir, "server");
  execFileSync("go", ["build", "-o", program, "."], { cwd: source, stdio: "inherit" });
  const child = spawn(program, { stdio: ["pipe", "pipe", "inherit"] });
  const [port] = await once(createInterface(child.stdout), "line");
  return new Server(Number(port), child, dir);
}

class Server {
  #names = 0;

  constructor(port, child, dir) {
    this.port = port;
    this.child = child;
    this.dir = dir;
  }

  async stop() {
    this.child.stdin.end();
    if (this.child.exitCode === null) await once(this.child, "exit");
    rmSync(this.dir, { recursive: true });
  }

  newEpoch() {
    this.child.stdin.write("epoch\n");
  }

  /** Makes a room with members, and with messages of the first of them. Returns its id. A room of the same id is deleted before. */
  async room(users, messages = 0, Room = `room${++this.#names}`) {
    const body = JSON.stringify({ Room, Users: users, Messages: messages });
    const answer = await fetch(`http://127.0.0.1:${this.port}/room`, { method: "POST", body });
    if (!answer.ok) throw new Error(await answer.text());
    return Room;
  }

  /** Makes a room keep so many messages. */
  async keep(Room, Count) {
    const answer = await fetch(`http://127.0.0.1:${this.port}/keep`, { method: "POST", body: JSON.stringify({ Room, Count }) });
    if (!answer.ok) throw new Error(await answer.text());
  }

  /** A client that goes through a relay of its own. */
  async client(t, user, options = {}) {
    const relay = new Relay(this.port);
    await relay.listen();
    const socket = { transports: ["websocket"], reconnectionDelay: 20, reconnectionDelayMax: 50, forceNew: true };
    const chat = new Chat(`http://127.0.0.1:${relay.port}/chat`, { auth: () => ({ token: user }), socket, ...options });
    t.after(() => {
      chat.close();
      relay.close();
    });
    chat.relay = relay;
    return chat;
  }
}

/** Passes bytes on to the server, unless it is cut. */
class Relay {
  #pairs = new Set();
  #server = createServer((near) => this.#pass(near));
  #down = false;
  deaf = false; // what the server says is lost
  connections = 0;

  constructor(to) {
    this.to = to;
  }

  async listen() {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    this.port = this.#server.address().port;
  }

  #pass(near) {
    near.on("error", () => {});
    if (this.#down) return near.destroy();
    this.connections++;
    const far = connect(this.to, "127.0.0.1");
    far.on("error", () => {});
    const pair = [near, far];
    this.#pairs.add(pair);
    near.on("data", (bytes) => far.write(bytes));
    far.on("data", (bytes) => this.deaf || near.write(bytes));
    for (const end of pair) {
      end.on("close", () => {
        near.destroy();
        far.destroy();
        this.#pairs.delete(pair);
      });
    }
  }

  /** Breaks all connections, and refuses others until mend. */
  cut() {
    this.#down = true;
    for (const ends of this.#pairs) for (const end of ends) end.destroy();
  }

  mend() {
    this.#down = this.deaf = false;
  }

  close() {
    this.cut();
    this.#server.close();
  }
}

/** Opens a room and returns it, live. */
export async function opened(t, chat, id) {
  const room = chat.room(id);
  t.after(room.subscribe(() => {}));
  await until(room, (view) => view.live);
  return room;
}

/** Waits until a view of the room is as it should be, and returns it. */
export function until(room, is) {
  return new Promise((resolve, reject) => {
    const over = setTimeout(() => done(reject, new Error(`waited in vain for ${is}: ${JSON.stringify(room.snapshot())}`)), 120_000);
    const look = () => is(room.snapshot()) && done(resolve, room.snapshot());
    const done = (how, what) => {
      clearTimeout(over);
      end();
      how(what);
    };
    const end = room.subscribe(look);
    queueMicrotask(look);
  });
}

export const texts = (view) => view.messages.map((m) => m.text);
