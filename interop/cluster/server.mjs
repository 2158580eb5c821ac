// One server of a cluster, on npm's socket.io, with one of npm's adapters, for Go tests (package internal/clustertest).
//
// Its only argument is JSON: adapter ("redis", "redis-sharded", "redis-streams", "postgres", or none), url of the bus,
// driver ("redis", the default, or "ioredis"), options of the adapter, server (options of socket.io), msgpack (whether
// clients use the msgpack parser).
//
// The first line of output is {"ready": address}. Each line of input is JSON, {"id", "js"}: the body of an async function,
// whose result is a line of output, {"id", "value"} or {"id", "error"}. Binary in a value is {"$bin": hex}, undefined is
// {"$undefined": true}. The body may use what the object "scope" below contains. The program ends with its input.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { Server } from "socket.io";
import { io as connectTo } from "socket.io-client";
import msgpackParser from "socket.io-msgpack-parser";
import { createBus, createEmitter } from "./buses.mjs";

const config = JSON.parse(process.argv[2] ?? "{}");
const parser = (msgpack) => (msgpack ? { parser: msgpackParser } : {});

const bus = await createBus(config);
const http = createServer();
const io = new Server(http, { ...parser(config.msgpack), ...(bus.adapter && { adapter: bus.adapter }), ...config.server });

// A Log keeps what has been received until somebody asks for it.
class Log {
  #items = [];
  #wake = () => {};

  add(item) {
    this.#items.push(item);
    this.#wake();
  }

  // take removes and returns the first n items, and waits for them; all that are there if n is undefined.
  async take(n = this.#items.length, ms = 150_000) {
    const until = Date.now() + ms;
    while (this.#items.length < n) {
      const left = until - Date.now();
      if (left <= 0) throw new Error(`only ${this.#items.length} of ${n} received: ${JSON.stringify(portable(this.#items))}`);
      await new Promise((resolve) => {
        this.#wake = resolve;
        setTimeout(resolve, left).unref();
      });
    }
    return this.#items.splice(0, n);
  }

  get length() {
    return this.#items.length;
  }
}

// connect connects a client of a given name: to this server, or to the one at options.url. The client logs each event as an
// array of its name and arguments, and acknowledges it with what client.answer(event, ...args) returns, an array.
const clients = {};
function connect(name, nsp = "/", { url = address, msgpack = config.msgpack, ...options } = {}) {
  const client = connectTo(url + nsp, { ...parser(msgpack), forceNew: true, transports: ["websocket"], ...options });
  client.log = new Log();
  client.answer = (event, ...args) => [`${name} answers`];
  client.onAny((...event) => {
    const ack = typeof event.at(-1) === "function" ? event.pop() : undefined;
    client.log.add(event);
    const answer = ack && client.answer(...event);
    if (answer) ack(...answer);
  });
  client.on("disconnect", (reason) => client.log.add(["$disconnect", reason]));
  clients[name] = client;
  return new Promise((resolve, reject) => {
    client.once("connect", () => resolve(client.id));
    client.once("connect_error", reject);
  });
}

// listen logs the events of other servers in serverSide, and replies with what answer returns.
const serverSide = new Log();
function listen(event, nsp = "/", answer = (arg) => arg) {
  io.of(nsp).on(event, (...args) => {
    const ack = typeof args.at(-1) === "function" ? args.pop() : undefined;
    serverSide.add([event, ...args]);
    const value = ack && answer(...args);
    if (ack && value !== undefined) ack(value);
  });
}

// rooms returns the names of a client's rooms but its own, if the client is of this server.
function rooms(name) {
  const { id, nsp } = clients[name];
  return [...io.of(nsp).sockets.get(id).rooms].filter((room) => room !== id).sort();
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const socketOf = (name) => io.of(clients[name].nsp).sockets.get(clients[name].id);
const emitter = (nsp = "/", options = {}) => createEmitter(bus, nsp, options);
const scope = { io, http, bus, clients, connect, socketOf, rooms, serverSide, listen, emitter, sleep, Log, Buffer };

function portable(value) {
  if (value === undefined) return { $undefined: true };
  if (value === null || typeof value !== "object") return value;
  if (ArrayBuffer.isView(value)) return { $bin: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("hex") };
  if (value instanceof ArrayBuffer) return { $bin: Buffer.from(value).toString("hex") };
  if (value instanceof Error) return { $error: value.message };
  if (Array.isArray(value)) return value.map(portable);
  if (typeof value.toJSON === "function") return value.toJSON();
  if (value instanceof Set) return [...value].map(portable);
  return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, portable(v)]));
}

const tell = (line) => process.stdout.write(JSON.stringify(line) + "\n");

async function run({ id, js }) {
  try {
    const body = new Function(...Object.keys(scope), `return (async () => { ${js}\n })()`);
    tell({ id, value: portable(await body(...Object.values(scope))) });
  } catch (err) {
    tell({ id, error: String(err?.stack ?? err) });
  }
}

// npm's adapters leave promises of failed commands to nobody, which ends a program of Node's unless it does this.
process.on("unhandledRejection", (err) => console.error("unhandled rejection:", err));

await new Promise((resolve) => http.listen(config.port ?? 0, "127.0.0.1", resolve));
const address = `http://127.0.0.1:${http.address().port}`;
createInterface({ input: process.stdin })
  .on("line", (line) => run(JSON.parse(line)))
  .on("close", () => process.exit());
tell({ ready: address });
