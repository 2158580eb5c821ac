// The server's limits, what happens beyond them, and clients that read slowly.
import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { jsonOnly, once, record, roomcastOnly, scenario } from "./clients.mjs";
import { Relay } from "./relay.mjs";

const limit = 1_000_000; // bytes of one WebSocket message, or of one polling request
const frame = '42["measure",""]'.length;

// Beyond the limit either the WebSocket is closed or the request refused.
const closed = /^transport (close|error)$/;

scenario("1 MB limit: text as long as the limit allows", jsonOnly("the sizes are JSON's"), async (clients) => {
  const socket = await clients.connect();
  await clients.upgraded();
  socket.emit("measure", "x".repeat(limit - frame));
  assert.deepEqual(await once(socket, "measured"), [limit - frame]);
});

scenario("1 MB limit: it counts bytes, not characters", jsonOnly("the sizes are JSON's"), async (clients) => {
  const socket = await clients.connect();
  await clients.upgraded();
  socket.emit("measure", "é".repeat((limit - frame) / 2));
  assert.deepEqual(await once(socket, "measured"), [limit - frame]);
  socket.emit("measure", "é".repeat((limit - frame) / 2) + "x");
  assert.match((await once(socket, "disconnect"))[0], closed);
});

scenario("1 MB limit: large payloads both ways", jsonOnly("over polling base64 makes them larger"), async (clients) => {
  const socket = await clients.connect();
  const text = "round trip ".repeat(90_000);
  assert.equal(await socket.emitWithAck("echo", text), text);
  const bytes = Buffer.alloc(740_000, "binary "); // in base64, as polling carries it, 986,668 bytes
  assert.deepEqual(await socket.emitWithAck("echo", { bytes }), { bytes });
});

scenario("1 MB limit: one byte more closes this connection and no other", jsonOnly("the sizes are JSON's"), async (clients) => {
  const [socket, bystander] = await Promise.all([clients.connect(), clients.connect()]);
  await clients.upgraded();
  const measured = record(socket, "measured");
  socket.emit("measure", "x".repeat(limit - frame + 1));
  assert.match((await once(socket, "disconnect"))[0], closed);
  assert.deepEqual(measured, []);
  assert.equal(await bystander.emitWithAck("echo", "unharmed"), "unharmed");

  socket.connect();
  await once(socket, "connect");
  assert.equal(await socket.emitWithAck("echo", "back"), "back");
});

scenario("1 MB limit: an attachment beyond it closes the connection", jsonOnly("the sizes are JSON's"), async (clients) => {
  const socket = await clients.connect();
  await clients.upgraded();
  socket.emit("echo", Buffer.alloc(limit + 1));
  assert.match((await once(socket, "disconnect"))[0], closed);
});

scenario("ten attachments are allowed, eleven close the connection", jsonOnly("it has no attachments"), async (clients) => {
  const socket = await clients.connect();
  await clients.upgraded();
  const attachments = (n) => Array.from({ length: n }, (_, i) => Buffer.from([i]));
  assert.deepEqual(await socket.emitWithAck("echo", attachments(10)), attachments(10));
  socket.emit("echo", attachments(11));
  assert.match((await once(socket, "disconnect"))[0], closed);
});

// Packets that the client itself would refuse to send.
const violations = {
  "the reserved event connect": ['2["connect"]'],
  "the reserved event disconnect": ['2["disconnect"]'],
  "an event without a name": ["2[]"],
  "an event that is no array": ['2{"name":"echo"}'],
  "broken JSON": ['2["echo"'],
  "an unknown packet type": ["9"],
  "an attachment number out of range": ['51-["echo",{"_placeholder":true,"num":1}]', Buffer.from([1])],
  "an attachment without its event": [Buffer.from([1])],
  "an event where an attachment is due": ['51-["echo",{"_placeholder":true,"num":0}]', '2["echo"]'],
  "an event in a namespace that the client is not in": ['2/news,["echo"]'],
};
for (const [what, packets] of Object.entries(violations)) {
  scenario(`${what} closes this connection and no other`, async (clients) => {
    const socket = await clients.connect();
    const { watcher, told } = await clients.watch(socket);
    await clients.upgraded();
    const disconnected = once(socket, "disconnect");
    for (const packet of packets) socket.io.engine.send(packet);
    assert.match((await disconnected)[0], closed);
    const [, [left]] = await told;
    assert.equal(left.reason, "forced close");
    assert.equal(await watcher.emitWithAck("echo", "unharmed"), "unharmed");
  });
}

scenario("a volatile event reaches a client that keeps up", async (clients) => {
  const socket = await clients.connect();
  const nudges = record(socket, "nudge");
  // Over polling it is dropped when it falls between two polls, so once may not be enough.
  for (let i = 0; i < 100 && nudges.length === 0; i++) await socket.emitWithAck("nudge");
  assert.notEqual(nudges.length, 0);
});

// A client behind a relay that lets nothing through to it after hold. What the client sends next reaches the server: over
// polling it would wait for the answer to an earlier POST, perhaps of a PONG.
async function slow(clients, t) {
  const relay = await Relay.open(t);
  const socket = await clients.connect("/", { url: relay.url });
  await clients.upgraded();
  const hold = async () => {
    while (!socket.io.engine.transport.writable) await setImmediate();
    relay.hold();
  };
  return { relay, socket, hold };
}

const film = { frames: 120, bytes: 100_000 }; // more than the network's buffers hold, which is 4 MB and little more

scenario("volatile events to a client that does not keep up are dropped, others wait for it", async (clients, t) => {
  const { relay, socket, hold } = await slow(clients, t);
  const watcher = await clients.connect();
  await watcher.emitWithAck("join", `watch ${socket.id}`);
  const frames = record(socket, "frame");
  const played = once(watcher, "played");
  await hold();
  const answer = socket.emitWithAck("play", film);
  await played;
  relay.release();
  assert.equal(await answer, film.frames);
  const numbers = frames.map(([number]) => number);
  assert.ok(numbers.length < film.frames, `${numbers.length} frames arrived`);
  assert.deepEqual(numbers, [...new Set(numbers)].sort((a, b) => a - b), "in order, none twice");
});

const bounded = roomcastOnly("npm's server buffers without bound");

scenario("a client that does not keep up with what must not be dropped is disconnected", bounded, async (clients, t) => {
  const { socket, hold } = await slow(clients, t);
  const { told } = await clients.watch(socket);
  await hold();
  socket.emit("play", { ...film, reliable: true });
  const [, [left]] = await told;
  assert.equal(left.reason, "slow client");
});
