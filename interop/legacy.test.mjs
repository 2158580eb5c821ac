// The clients of Socket.IO 2 and 1, which speak Engine.IO 3.
import assert from "node:assert/strict";
import test from "node:test";
import { setImmediate } from "node:timers/promises";
import { io as modern } from "socket.io-client";
import io1 from "socket.io-client-1";
import io2 from "socket.io-client-2";
import { collect, jsonOnly, once, record } from "./clients.mjs";
import { Relay } from "./relay.mjs";

const url = process.env.URL;
const unicode = "é€😀";

const polling = { transports: ["polling"] };
const websocket = { transports: ["websocket"] };
const modes = {
  "2.5 polling only": [io2, polling],
  "2.5 websocket only": [io2, websocket],
  "2.5 default with upgrade": [io2, {}],
};
const everyMode = { ...modes, "1.7 websocket only": [io1, websocket], "1.7 default with upgrade": [io1, {}] };

// scenario runs body(open, t) once for each mode. open begins a connection of its own; those that are still there at the
// end must have reached the mode's last transport.
function scenario(name, body, modes = everyMode) {
  for (const [mode, [io, options]] of Object.entries(modes)) {
    test(`${name} (${mode})`, { timeout: 200_000, ...jsonOnly("they are tested with the default parser") }, async (t) => {
      const sockets = [];
      t.after(() => sockets.forEach(({ io }) => io.close()));
      const open = (path = "/", more) => {
        const socket = io((more?.url ?? url) + path, { forceNew: true, reconnection: false, ...options, ...more });
        sockets.push(socket);
        return socket;
      };
      await body(open, t);
      await Promise.all(sockets.filter(({ io }) => io.readyState === "open").map(upgraded));
    });
  }
}

async function connect(open, path, more) {
  const socket = open(path, more);
  await once(socket, "connect");
  return socket;
}

const call = (socket, event, ...args) => new Promise((resolve) => socket.emit(event, ...args, resolve));

// Waits until a connection is on its last transport.
async function upgraded({ io: { engine, opts } }) {
  if (!opts.transports && engine.transport.name === "polling") await once(engine, "upgrade");
  assert.equal(engine.transport.name, opts.transports?.[0] ?? "websocket");
}

scenario("the socket has the id that the client takes it to have", async (open) => {
  const socket = await connect(open);
  const { id, rooms, query, auth } = await call(socket, "whoami");
  assert.equal(id, socket.id);
  assert.deepEqual(rooms, [socket.id]);
  assert.equal(query.EIO, "3");
  assert.deepEqual(auth, {});
});

scenario("events and replies carry JSON of all kinds", async (open) => {
  const socket = await connect(open);
  for (const value of [0, -1.5, true, null, "", "text", [], [1, ["two"]], {}, { a: { b: null } }, "x".repeat(200_000)]) {
    const echo = once(socket, "echo");
    socket.emit("echo", value);
    assert.deepEqual(await echo, [value]);
    assert.deepEqual(await call(socket, "echo", value), value);
  }
});

// Over polling 1.x encodes what is not ASCII in a way of its own, which servers of 4.x do not know.
const { "1.7 default with upgrade": _, ...beyondASCII } = everyMode;

scenario("characters outside ASCII and the BMP", async (open) => {
  const socket = await connect(open);
  assert.equal(await call(socket, "echo", unicode), unicode);
  const echo = once(socket, "größe→🎉");
  socket.emit("größe→🎉", { [unicode]: unicode });
  assert.deepEqual(await echo, [{ [unicode]: unicode }]);
}, beyondASCII);

scenario("binary data", async (open) => {
  const socket = await connect(open);
  const bytes = Buffer.from([0, 1, 4, 0x1e, 0x80, 0xff]);
  assert.deepEqual(await call(socket, "echo", bytes), bytes);
  assert.deepEqual(await call(socket, "echo", Buffer.alloc(0)), Buffer.alloc(0));
  const value = { bytes, deep: [Buffer.alloc(100_000, "binary "), "text"] };
  const echo = once(socket, "echo");
  socket.emit("echo", value, 1);
  assert.deepEqual(await echo, [value, 1]);
});

scenario("binary data beside characters outside the BMP", async (open) => {
  const socket = await connect(open);
  const value = { [unicode]: Buffer.from([1, 2, 0xff]), after: unicode };
  assert.deepEqual(await call(socket, "echo", value), value);
}, beyondASCII);

scenario("binary data in base64", async (open) => {
  const socket = await connect(open, "/", { forceBase64: true });
  const bytes = Buffer.from([0, 1, 4, 0xff]);
  assert.deepEqual(await call(socket, "echo", { bytes }), { bytes });
  await upgraded(socket);
  assert.deepEqual(await call(socket, "echo", { bytes }), { bytes });
});

scenario("the server calls the client", async (open) => {
  const socket = await connect(open);
  socket.on("question", (question, reply) => reply(`${question} because`));
  assert.deepEqual(await call(socket, "call-me", { question: "why?" }), { answer: "why? because" });
});

scenario("messages flow both ways, in order, from before the upgrade until after it", async (open) => {
  const socket = await connect(open);
  const echoes = record(socket, "echo");
  let done = false;
  upgraded(socket).then(() => (done = true));
  let sent = 0;
  for (; !done || sent < 200; sent++) {
    socket.emit("echo", sent, Buffer.from([sent]));
    if (sent % 1000 === 999) await call(socket, "echo"); // no more than a slow server reads
    await setImmediate();
  }
  await call(socket, "echo");
  assert.deepEqual(echoes, Array.from({ length: sent }, (_, i) => [i, Buffer.from([i])]));
});

scenario("namespaces with a query", async (open) => {
  const admin = open(`/admin?token=s3cret&name=${encodeURIComponent("Zoë & co, ?")}`);
  assert.deepEqual(await once(admin, "welcome"), [{ name: "Zoë & co, ?" }]);
  assert.equal(await call(admin, "echo", "hi"), "hi");
}, modes);

scenario("several namespaces on one connection", async (open) => {
  const main = await connect(open);
  const [news, games] = [main.io.socket("/news"), main.io.socket("/games")];
  await Promise.all([once(news, "connect"), once(games, "connect")]);
  for (const socket of [main, news, games]) assert.equal(await call(socket, "echo", socket.nsp), socket.nsp);
  news.close();
  assert.equal(await call(games, "echo", "still here"), "still here");
  news.open();
  await once(news, "connect");
  assert.equal(await call(news, "echo", "back"), "back");
});

scenario("a namespace refuses with a text, or with data", async (open) => {
  assert.deepEqual(await once(open("/admin"), "error"), ["token missing"]);
  const refusal = await once(open("/admin?token=guess"), "error");
  assert.deepEqual(refusal, [{ code: 401, hint: "ask Zoë for a token" }]);
}, modes);

scenario("a namespace that does not exist", async (open) => {
  const [error] = await once(open("/nowhere"), "error");
  // As the servers of 2.x have it; of npm's successor it is an object that its clients do not expect.
  assert.deepEqual(error, process.env.REFERENCE ? { message: "Invalid namespace" } : "Invalid namespace");
});

scenario("the heartbeat keeps an idle connection", async (open) => {
  const socket = await connect(open);
  await upgraded(socket);
  await collect(socket, "pong", 2); // the interval is 300 ms
  assert.equal(await call(socket, "echo", "alive"), "alive");
});

scenario("rooms are shared with clients of Engine.IO 4", async (open, t) => {
  const old = await connect(open);
  const young = modern(url, { reconnection: false });
  t.after(() => young.close());
  await Promise.all([call(old, "join", "all ages"), young.emitWithAck("join", "all ages")]);
  const body = { text: "plain", bytes: Buffer.from([4, 1]) };
  const posts = [once(old, "announcement"), once(young, "announcement")];
  young.emit("announce", { rooms: ["all ages"], body });
  assert.deepEqual(await Promise.all(posts), [[body], [body]]);
});

scenario("the server disconnects the socket, or the client", async (open) => {
  for (const event of ["leave-me", "drop"]) {
    const socket = await connect(open);
    socket.emit(event);
    assert.deepEqual(await once(socket, "disconnect"), ["io server disconnect"]);
  }
});

scenario("the server sees why a client has gone", async (open) => {
  const ends = {
    "client namespace disconnect": (socket) => socket.close(),
    "transport close": (socket) => socket.io.engine.close(),
  };
  const watcher = await connect(open);
  for (const [reason, end] of Object.entries(ends)) {
    const socket = await connect(open);
    await upgraded(socket);
    const { id } = socket;
    await call(watcher, "join", `watch ${id}`);
    const left = once(watcher, "left");
    end(socket);
    assert.deepEqual(await left, [{ id, reason, rooms: [] }]);
  }
});

scenario("the client reconnects after the connection is lost", async (open, t) => {
  const relay = await Relay.open(t);
  const options = { url: relay.url, reconnection: true, reconnectionDelay: 10, reconnectionDelayMax: 100 };
  const socket = await connect(open, "/", options);
  for (let i = 0; i < 3; i++) {
    await upgraded(socket);
    const { id } = socket;
    const noticed = once(socket, "disconnect");
    await relay.remove();
    await noticed;
    const back = once(socket, "connect");
    await relay.restore();
    await back;
    assert.notEqual(socket.id, id);
    assert.equal((await call(socket, "whoami")).id, socket.id);
  }
});
