// The clients of one scenario: socket.io-client over each choice of transports, every wait bounded. The bounds only keep a
// scenario from waiting for ever; how fast a machine is shows in none of them.
import assert from "node:assert/strict";
import test from "node:test";
import { Manager } from "socket.io-client";

const url = process.env.URL;
if (!url) throw new Error("URL: set the address of the server under test, as in http://127.0.0.1:3000");

// PARSER names the package of another parser, which the server under test must use too.
const parser = process.env.PARSER ? { parser: (await import(process.env.PARSER)).default } : {};

const modes = {
  "polling only": { transports: ["polling"] },
  "websocket only": { transports: ["websocket"] },
  "default with upgrade": {}, // the client's own default: polling, then a WebSocket
};

// scenario runs body(clients, t) once for each mode. Its clients start talking as soon as they are connected, so in the
// default mode messages and upgrade overlap; those that are still connected at the end must have made it to a WebSocket.
export function scenario(name, options, body) {
  if (!body) [options, body] = [{}, options];
  for (const [mode, transports] of Object.entries(modes)) {
    test(`${name} (${mode})`, { timeout: 200_000, ...options }, async (t) => {
      const clients = new Clients(transports);
      t.after(() => clients.close());
      await body(clients, t);
      await clients.upgraded();
    });
  }
}

// Something Roomcast does on purpose and npm's server does not; the reason is shown beside the skipped test.
export const roomcastOnly = (reason) => ({ skip: process.env.REFERENCE ? reason : false });

// Something that only the default parser can do.
export const jsonOnly = (reason) => ({ skip: process.env.PARSER ? reason : false });

class Clients {
  #transports;
  #managers = [];

  constructor(transports) {
    this.#transports = transports;
  }

  // The transports a connection begins and ends on.
  get first() {
    return this.#transports.transports?.[0] ?? "polling";
  }

  get last() {
    return this.#transports.transports?.[0] ?? "websocket";
  }

  // A connection of its own that a test may open several namespaces on.
  manager(options = {}) {
    const manager = new Manager(options.url ?? url, { reconnection: false, ...parser, ...this.#transports, ...options });
    this.#managers.push(manager);
    return manager;
  }

  // A socket that has asked to connect, and nothing more.
  socket(namespace = "/", options = {}) {
    return (options.manager ?? this.manager(options)).socket(namespace, { ackTimeout: 60_000, ...options });
  }

  // A connected socket.
  async connect(namespace, options) {
    const socket = this.socket(namespace, options);
    await once(socket, "connect");
    return socket;
  }

  // Another client, and what it will be told of the socket's end as the server sees it.
  async watch(socket) {
    const watcher = await this.connect();
    await watcher.emitWithAck("join", `watch ${socket.id}`);
    return { watcher, told: Promise.all([once(watcher, "leaving"), once(watcher, "left")]) };
  }

  // Waits until every open connection is on its last transport.
  async upgraded() {
    const engines = this.#managers.map((manager) => manager.engine).filter((engine) => engine?.readyState === "open");
    await Promise.all(
      engines.map(async (engine) => {
        if (engine.transport.name === this.first && this.first !== this.last) await once(engine, "upgrade");
        assert.equal(engine.transport.name, this.last);
      }),
    );
  }

  close() {
    for (const manager of this.#managers) {
      for (const socket of Object.values(manager.nsps)) socket.disconnect();
    }
  }
}

// The arguments of the next such event.
export async function once(emitter, event, ms) {
  const [args] = await collect(emitter, event, 1, ms);
  return args;
}

// The arguments of the next n such events, in order.
export function collect(emitter, event, n, ms = 60_000) {
  return new Promise((resolve, reject) => {
    const events = [];
    const settle = (finish, value) => {
      clearTimeout(timer);
      emitter.off(event, listener);
      finish(value);
    };
    const listener = (...args) => {
      if (events.push(args) === n) settle(resolve, events);
    };
    const timer = setTimeout(
      () => settle(reject, new Error(`${events.length} of ${n} "${event}" within ${ms} ms`)),
      ms,
    );
    emitter.on(event, listener);
  });
}

// Everything the socket is sent under that name from now on. What the server sent before it answered a call has arrived
// by the time of the answer, so a test asks the server something and then looks at what is in the array, and what isn't.
export function record(socket, event) {
  const events = [];
  socket.on(event, (...args) => events.push(args));
  return events;
}
