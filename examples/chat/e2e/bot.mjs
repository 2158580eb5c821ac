// People without a browser: they talk to the chat by the same stock client as the page, much faster.

import { createRequire } from "node:module";
import { once } from "node:events";

const { io } = createRequire(new URL("../web/package.json", import.meta.url))("socket.io-client");

const TEN_SECONDS = 10_000;

export class Bot {
  static async arrive(url, name, ...rooms) {
    const bot = new Bot();
    const key = `key-of-${name}`.padEnd(16, "-");
    bot.socket = io(url, { auth: { name, key, rooms }, forceNew: true, transports: ["websocket"] });
    bot.messages = 0;
    bot.socket.on("people", (people) => (bot.people = people));
    [{ people: bot.people }] = await once(bot.socket, "welcome");
    for (const room of rooms) await bot.ask("join", room);
    return bot;
  }

  async ask(event, argument) {
    const reply = await this.socket.timeout(TEN_SECONDS).emitWithAck(event, argument);
    if (reply?.error) throw new Error(`${event}: ${reply.error}`);
    return reply;
  }

  /** Says something in a room, with more fields for a picture. */
  say(text, room = "lobby", more = {}) {
    return this.ask("message", { id: `m${this.messages++}`, room, text, ...more });
  }

  /** Says something to one person, by name. */
  async tell(name, text) {
    let to;
    while (!(to = this.people.find((p) => p.name === name)?.id)) await once(this.socket, "people");
    return this.ask("direct", { id: `m${this.messages++}`, to, text });
  }

  announce(text) {
    return this.ask("announce", { id: `m${this.messages++}`, text });
  }

  types(room = "lobby") {
    this.socket.emit("typing", { room });
  }

  leave() {
    this.socket.disconnect();
  }
}
