// Namespaces, their admission, and what the server knows of the handshake.
import assert from "node:assert/strict";
import { once, record, scenario } from "./clients.mjs";

scenario("a custom namespace with auth", async (clients) => {
  const admin = clients.socket("/admin", { auth: { token: "s3cret", name: "Zoë" } });
  const welcome = once(admin, "welcome");
  await once(admin, "connect");
  assert.deepEqual(await welcome, [{ name: "Zoë" }]);
  assert.equal(await admin.emitWithAck("echo", "hi"), "hi");
});

scenario("auth given by a function", async (clients) => {
  const admin = clients.socket("/admin", { auth: (cb) => cb({ token: "s3cret", name: "by function" }) });
  assert.deepEqual(await once(admin, "welcome"), [{ name: "by function" }]);
});

scenario("connect_error with data", async (clients) => {
  const admin = clients.socket("/admin", { auth: { token: "guess", name: "Eve" } });
  const [error] = await once(admin, "connect_error");
  assert.equal(error.message, "not authorized");
  assert.deepEqual(error.data, { code: 401, hint: "ask Zoë for a token" });
  assert.equal(admin.connected, false);
});

scenario("connect_error without data", async (clients) => {
  const [error] = await once(clients.socket("/admin"), "connect_error");
  assert.equal(error.message, "token missing");
  assert.equal(error.data, undefined);
});

scenario("connect_error of a namespace that does not exist", async (clients) => {
  const [error] = await once(clients.socket("/nowhere"), "connect_error");
  assert.equal(error.message, "Invalid namespace");
});

scenario("a refused namespace leaves the others of its connection alone, and may be asked again", async (clients) => {
  const manager = clients.manager();
  const main = await clients.connect("/", { manager });
  const admin = clients.socket("/admin", { manager, auth: { token: "guess", name: "Zoë" } });
  await once(admin, "connect_error");
  assert.equal(await main.emitWithAck("echo", "unharmed"), "unharmed");

  admin.auth.token = "s3cret";
  admin.connect();
  assert.deepEqual(await once(admin, "welcome"), [{ name: "Zoë" }]);
});

scenario("several namespaces on one connection", async (clients) => {
  const manager = clients.manager();
  const names = ["/", "/news", "/games"];
  const sockets = await Promise.all(names.map((name) => clients.connect(name, { manager })));
  assert.equal(new Set(sockets.map((socket) => socket.id)).size, 3, "each namespace has an id of its own");
  assert.ok(sockets.every((socket) => socket.io.engine === sockets[0].io.engine));

  const echoes = sockets.map((socket) => record(socket, "echo"));
  for (const socket of sockets) socket.emit("echo", `in ${socket.nsp}`);
  await Promise.all(sockets.map((socket) => socket.emitWithAck("echo")));
  assert.deepEqual(echoes, names.map((name) => [[`in ${name}`]]));
});

scenario("leaving one namespace keeps the others of its connection", async (clients) => {
  const manager = clients.manager();
  const main = await clients.connect("/", { manager });
  const news = await clients.connect("/news", { manager });
  news.disconnect();
  assert.equal(await main.emitWithAck("echo", "still here"), "still here");
  news.connect();
  await once(news, "connect");
  assert.equal(await news.emitWithAck("echo", "back"), "back");
});

scenario("the server sees the handshake", async (clients) => {
  const before = Date.now();
  const socket = await clients.connect("/", {
    query: { lang: "日本語", empty: "" },
    extraHeaders: { "X-Trace": "trace 1" },
    auth: { user: { name: "Zoë", scopes: ["read"] } },
  });
  const { time, url, query, ...seen } = await socket.emitWithAck("whoami");
  assert.deepEqual(seen, {
    id: socket.id,
    rooms: [socket.id],
    trace: "trace 1",
    auth: { user: { name: "Zoë", scopes: ["read"] } },
    address: "127.0.0.1",
    secure: false,
    crossDomain: false,
  });
  assert.deepEqual([query.lang, query.empty, query.EIO, query.transport], ["日本語", "", "4", clients.first]);
  assert.match(url, /^\/socket\.io\/\?.*lang=/);
  assert.ok(before - 1 <= time && time <= Date.now() + 1, `time of the handshake: ${time}`);
});

scenario("without auth the server sees none", async (clients) => {
  const socket = await clients.connect();
  assert.deepEqual((await socket.emitWithAck("whoami")).auth, {});
});
