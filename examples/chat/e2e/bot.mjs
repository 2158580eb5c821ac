// People without a browser: they talk to the chat by the same stock client as the page, much faster.

import { createRequire } from "node:module";
import { once } from "node:events";

const { io } = createRequire(new URL("../web/package.json", import.meta.url))("socket.io-client");

const LONG = 300_000; // ms, for a busy machine

export class Bot {
  static async arrive(url, name, ...rooms) {
    const bot = new Bot();
    const key = `key-of-${name}`.padEnd(16, "-");
    bot.url = url;
    bot.auth = { name, key };
    bot.socket = io(`${url}/chat`, { auth: bot.auth, forceNew: true, transports: ["websocket"] });
    bot.messages = 0;
    await once(bot.socket, "ready");
    bot.rooms = { lobby: "lobby" }; // ids by name
    for (const name of rooms) bot.rooms[name] = (await bot.ask("enter", { name })).room;
    return bot;
  }

  async ask(event, argument) {
    const reply = await this.socket.timeout(LONG).emitWithAck(event, argument);
    if (reply?.error) throw new Error(`${event}: ${reply.error}`);
    return reply;
  }

  /** Says something in a room, with more fields. Resolves with the number of the message. */
  async say(text, room = "lobby", more = {}) {
    const cid = `${Date.now()}-${this.messages++}`;
    return (await this.ask("post", { room: this.rooms[room] ?? room, cid, text, ...more })).seq;
  }

  /** Says something in a room, with a file. */
  async show(bytes, text, name = "wheels.png") {
    const { id } = await (await this.fetch(`?name=${name}`, { method: "POST", body: bytes })).json();
    return this.say(text, "lobby", { files: [id] });
  }

  /** Asks for a file, with the page's cookie. */
  fetch(path, request = {}) {
    const cookie = `chat=${encodeURIComponent(JSON.stringify(this.auth))}`;
    return fetch(`${this.url}/files${path}`, { ...request, headers: { cookie } });
  }

  /** Says something to one person, by name. */
  async tell(name, text) {
    return this.say(text, (await this.ask("direct", { user: name })).room);
  }

  /** Resolves when the server tells that somebody has read a message of the lobby. The bot must have opened that. */
  seen(user, seq) {
    return new Promise((resolve) => this.socket.on("read", (marker) => marker.user === user && marker.read >= seq && resolve()));
  }

  /** Types in a room. Only who has a room open can. */
  async types(room = "lobby") {
    await this.ask("open", { room });
    await this.ask("typing", { room });
  }

  leave() {
    this.socket.disconnect();
  }
}
