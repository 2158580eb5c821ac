// Clients of two servers behind a proxy, which is at URL. Each server tells its name, and stops on demand.
import assert from "node:assert/strict";
import test from "node:test";
import { io } from "socket.io-client";

const url = process.env.URL;
const settled = (socket, event) => new Promise((resolve) => socket.once(event, resolve));

// With cookies as a browser keeps them, and the Origin header of a page of this address. The client adds its cookies
// to the headers, so each client needs its own.
const browser = () => ({ withCredentials: true, extraHeaders: { Origin: url } });

async function connect(t, options) {
  const socket = io(url, { forceNew: true, reconnectionDelay: 100, reconnectionDelayMax: 500, ...options });
  t.after(() => socket.close());
  await settled(socket, "connect");
  return socket;
}

const servers = async (sockets) => new Set(await Promise.all(sockets.map((socket) => socket.emitWithAck("who"))));

// Clients of both servers: of a proxy that chooses at random twelve may all be on one.
async function crowd(t, options) {
  const sockets = await Promise.all(Array.from({ length: 12 }, () => connect(t, options())));
  while (sockets.length < 60 && (await servers(sockets)).size < 2) sockets.push(await connect(t, options()));
  return sockets;
}

async function chat(sockets) {
  const all = Promise.all(sockets.map((socket) => settled(socket, "said")));
  sockets[0].emit("say", "hello");
  assert.deepEqual(await all, sockets.map(() => "hello"));
}

test("sessions that upgrade stay on their server", async (t) => {
  const sockets = await crowd(t, browser);
  const before = await Promise.all(sockets.map((socket) => socket.emitWithAck("who")));
  for (const { io } of sockets) {
    if (io.engine.transport.name !== "websocket") await settled(io.engine, "upgrade");
  }
  assert.deepEqual(await Promise.all(sockets.map((socket) => socket.emitWithAck("who"))), before);
  assert.equal(new Set(before).size, 2, "both servers have clients");
  await chat(sockets);
});

test("polling alone stays on its server", async (t) => {
  const sockets = await crowd(t, () => ({ ...browser(), transports: ["polling"] }));
  assert.equal((await servers(sockets)).size, 2);
  for (let i = 0; i < 5; i++) await chat(sockets);
  const large = Buffer.alloc(700_000, 7);
  assert.equal(await sockets[0].emitWithAck("length", large), large.length);
});

test("WebSocket alone needs no cookie", async (t) => {
  const sockets = await crowd(t, () => ({ transports: ["websocket"] }));
  assert.equal((await servers(sockets)).size, 2);
  await chat(sockets);
});

test("a client goes to the other server when its own stops", async (t) => {
  const sockets = await crowd(t, browser);
  const [stops, stays] = await servers(sockets);
  const victims = [];
  for (const socket of sockets) if ((await socket.emitWithAck("who")) === stops) victims.push(socket);
  const back = Promise.all(victims.map((socket) => settled(socket, "connect")));
  victims[0].emit("stop");
  await back;
  assert.deepEqual([...(await servers(sockets))], [stays]);
  await chat(sockets);
});
