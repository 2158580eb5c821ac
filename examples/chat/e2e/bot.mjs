// People without a browser: they talk to the chat by the same stock client as the page, much faster.

import { createRequire } from "node:module";
import { once } from "node:events";

const { io } = createRequire(new URL("../web/package.json", import.meta.url))("socket.io-client");

const TEN_SECONDS = 10_000;

export class Bot {
  static async arrive(url, name, ...rooms) {
    const bot = new Bot();
    const key = `key-of-${name}`.padEnd(16, "-");
    bot.socket = io(`${url}/chat`, { auth: { name, key }, forceNew: true, transports: ["websocket"] });
    bot.messages = 0;
    await once(bot.socket, "ready");
    bot.rooms = { lobby: "lobby" }; // ids by name
    for (const name of rooms) bot.rooms[name] = (await bot.ask("enter", { name })).room;
    return bot;
  }

  async ask(event, argument) {
    const reply = await this.socket.timeout(TEN_SECONDS).emitWithAck(event, argument);
    if (reply?.error) throw new Error(`${event}: ${reply.error}`);
    return reply;
  }

  /** Says something in a room, with more fields. Resolves with the number of the message. */
  async say(text, room = "lobby", more = {}) {
    const cid = `${Date.now()}-${this.messages++}`;
    return (await this.ask("post", { room: this.rooms[room] ?? room, cid, text, ...more })).seq;
  }

  /** Says something in a room, with a picture. */
  async show(picture, text, room = "lobby") {
    return this.say(text, room, { data: { picture: await this.ask("upload", picture) } });
  }

  /** Says something to one person, by name. */
  async tell(name, text) {
    return this.say(text, (await this.ask("direct", { user: name })).room);
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
