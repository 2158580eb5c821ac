// The life of a connection: upgrade, heartbeat, disconnection from either side, reconnection.
import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { collect, once, record, scenario } from "./clients.mjs";
import { Relay } from "./relay.mjs";

scenario("messages flow both ways, in order, from before the upgrade until after it", async (clients) => {
  const socket = await clients.connect();
  const echoes = record(socket, "echo");
  const ticks = record(socket, "tick");
  let upgraded = false;
  clients.upgraded().then(() => (upgraded = true));

  let sent = 0;
  let flooded = 0;
  for (let more = 100; more > 0; more -= upgraded && sent > 100) {
    socket.emit("echo", sent++);
    if (sent % 10 === 0) {
      socket.emit("flood", 10);
      flooded += 10;
    }
    if (sent % 1000 === 0) await socket.emitWithAck("echo"); // no more than a slow server reads
    await setImmediate();
  }
  await socket.emitWithAck("echo");
  assert.deepEqual(echoes.flat(), Array.from({ length: sent }, (_, i) => i));
  assert.deepEqual(ticks.flat(), Array.from({ length: flooded }, (_, i) => i % 10));
});

scenario("binary messages in flight during the upgrade keep their attachments", async (clients) => {
  const socket = await clients.connect();
  const echoes = collect(socket, "echo", 200);
  const sent = Array.from({ length: 200 }, (_, i) => [{ i, parts: [Buffer.from([i]), Buffer.alloc(i)] }]);
  for (const args of sent) {
    socket.emit("echo", ...args);
    await setImmediate();
  }
  assert.deepEqual(await echoes, sent);
});

scenario("the heartbeat keeps an idle connection", async (clients) => {
  const socket = await clients.connect();
  await collect(socket.io, "ping", 3); // the server's interval is 300 ms
  assert.equal(await socket.emitWithAck("echo", "alive"), "alive");
});

scenario("the client sees that the server disconnected its socket", async (clients) => {
  const manager = clients.manager();
  const news = await clients.connect("/news", { manager });
  const main = await clients.connect("/", { manager });
  main.emit("leave-me");
  assert.equal((await once(main, "disconnect"))[0], "io server disconnect");
  assert.equal(await news.emitWithAck("echo", "still here"), "still here");

  main.connect();
  await once(main, "connect");
  assert.equal(await main.emitWithAck("echo", "back"), "back");
});

scenario("the client sees that the server closed the whole connection", async (clients) => {
  const manager = clients.manager();
  const news = await clients.connect("/news", { manager });
  const main = await clients.connect("/", { manager });
  const closed = [once(main, "disconnect"), once(news, "disconnect"), once(manager, "close")];
  main.emit("drop");
  const [[mainReason], [newsReason]] = await Promise.all(closed);
  assert.deepEqual([mainReason, newsReason], ["io server disconnect", "io server disconnect"]);

  main.connect(); // which the client does not do by itself after this reason
  await once(main, "connect");
  assert.equal(await main.emitWithAck("echo", "back"), "back");
});

scenario("the client reconnects when the server has closed the connection beneath it", async (clients) => {
  const socket = await clients.connect("/", { reconnection: true, reconnectionDelay: 10 });
  const before = socket.id;
  const back = once(socket, "connect");
  const gone = once(socket, "disconnect");
  socket.emit("sever");
  assert.equal((await gone)[0], "transport close");
  await back;
  assert.notEqual(socket.id, before);
  assert.equal(await socket.emitWithAck("echo", "back"), "back");
});

const ends = {
  "client namespace disconnect": (socket) => socket.disconnect(),
  "transport close": (socket) => socket.io.engine.close(),
};
for (const [reason, end] of Object.entries(ends)) {
  scenario(`the server sees the reason "${reason}"`, async (clients) => {
    const socket = await clients.connect();
    await clients.upgraded();
    await socket.emitWithAck("join", "the last room");
    const { id } = socket;
    const { told } = await clients.watch(socket);
    end(socket);
    const [[leaving], [left]] = await told;
    assert.deepEqual(leaving, { id, reason, rooms: [id, "the last room"].sort() });
    assert.deepEqual(left, { id, reason, rooms: [] });
  });
}

// A client behind a relay, and with the short delays of a test.
async function relayed(clients, t) {
  const relay = await Relay.open(t);
  const options = { url: relay.url, reconnection: true, reconnectionDelay: 10, reconnectionDelayMax: 100 };
  return { relay, socket: await clients.connect("/", options) };
}

// Takes the network away until the client has noticed. A client that loses its WebSocket after it has paused polling for it
// stays so, and notices that no PING comes.
async function interrupt(relay, socket) {
  const { engine } = socket.io;
  const noticed = once(socket, "disconnect");
  await relay.remove();
  const [reason] = await noticed;
  await relay.restore();
  if (!engine.upgrading || reason !== "ping timeout") assert.match(reason, lost);
}
const lost = /^transport (close|error)$/;

scenario("the client reconnects after the connection is lost", async (clients, t) => {
  const { relay, socket } = await relayed(clients, t);
  await clients.upgraded();
  const { id } = socket;
  await socket.emitWithAck("join", "the last room");
  // Between two polls there is no connection whose loss the server could see.
  const watched = clients.last === "websocket" && (await clients.watch(socket));
  const back = once(socket, "connect");
  await interrupt(relay, socket);
  const buffered = socket.emitWithAck("echo", "sent while away");
  await back;
  assert.notEqual(socket.id, id);
  assert.equal(await buffered, "sent while away");
  assert.deepEqual((await socket.emitWithAck("whoami")).rooms, [socket.id]);

  if (watched) {
    const [[leaving], [left]] = await watched.told;
    assert.match(leaving.reason, lost);
    assert.deepEqual(left, { id, reason: leaving.reason, rooms: [] });
  }
});

scenario("the client reconnects again and again", async (clients, t) => {
  const { relay, socket } = await relayed(clients, t);
  for (let i = 0; i < 5; i++) {
    assert.equal(await socket.emitWithAck("echo", i), i);
    const back = once(socket, "connect");
    await interrupt(relay, socket); // in the default mode also in the middle of an upgrade
    await back;
  }
});

scenario("what waits for an answer when the connection is lost is told so", async (clients, t) => {
  const { relay, socket } = await relayed(clients, t);
  const refused = assert.rejects(socket.emitWithAck("silence"), /socket has been disconnected/);
  await socket.emitWithAck("echo");
  await interrupt(relay, socket);
  await refused;
});

scenario("a client that connects before its server is there connects later", async (clients, t) => {
  const relay = await Relay.open(t);
  await relay.remove();
  const options = { url: relay.url, reconnection: true, reconnectionDelay: 10, reconnectionDelayMax: 50 };
  const socket = clients.socket("/", options);
  await once(socket, "connect_error");
  const connected = once(socket, "connect");
  await relay.restore();
  await connected;
  assert.equal(await socket.emitWithAck("echo", "at last"), "at last");
});
