// Events and acknowledgements: what is sent is what arrives, in order.
import assert from "node:assert/strict";
import { collect, jsonOnly, once, record, roomcastOnly, scenario } from "./clients.mjs";

const texts = {
  "many scripts": "Grüße, 世界 — שלום, नमस्ते, 👩‍👩‍👧‍👦 e\u0301",
  "characters that JSON or the payload framing gives a meaning": '"\\/\b\f\n\r\t\u0000\u001e\u2028\u2029<&>',
  "nothing": "",
  "multi-byte characters across many network packets": "é世🎉".repeat(30_000),
};

scenario("echo of unicode text", async (clients) => {
  const socket = await clients.connect();
  for (const [what, text] of Object.entries(texts)) {
    assert.equal(await socket.emitWithAck("echo", text), text, what);
    socket.emit("echo", text);
    assert.deepEqual(await once(socket, "echo"), [text], what);
  }
});

scenario("unicode event name", async (clients) => {
  const socket = await clients.connect();
  socket.emit("größe→🎉", 1);
  assert.deepEqual(await once(socket, "größe→🎉"), [1]);
});

scenario("several arguments of every JSON type", jsonOnly("its numbers and undefined are not JSON's"), async (clients) => {
  const socket = await clients.connect();
  const args = [
    null, true, false, 0, -1, 0.1, 1e-7, 1.5e300, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER,
    "", [], {}, [[[]], [null, [1, [2]]]], { a: { b: [{ "": null }] }, "ключ": "значение" },
  ];
  socket.emit("echo", ...args);
  assert.deepEqual(await once(socket, "echo"), args);

  const [error, ...acked] = await new Promise((resolve) => socket.emit("echo", ...args, (...all) => resolve(all)));
  assert.equal(error, null);
  assert.deepEqual(acked, args);
});

const nested = { z: [1, { y: Buffer.from([1, 2, 3]), b: { 10: 0, a: null } }], a: Buffer.alloc(0), m: 2 ** 60 };

scenario("what is sent on keeps its binary, the order of its members and its digits", async (clients) => {
  const socket = await clients.connect();
  const shape = (value) => JSON.stringify(value, (key, part) => (part?.type === "Buffer" ? part.data : part));
  for (const args of [[{ z: 1, a: { y: 2, b: 3 }, m: 4 }, 2 ** 60, -(2 ** 53)], [nested, Buffer.from("x"), [nested]]]) {
    socket.emit("forward", ...args);
    assert.equal(shape(await once(socket, "forward")), shape(args));
    const reply = await new Promise((resolve) => socket.emit("forward", ...args, (...all) => resolve(all)));
    assert.equal(shape(reply.filter((value) => value !== null)), shape(args));
  }
});

scenario("what is sent on is the same text", jsonOnly("a packet is no text"), async (clients) => {
  const socket = await clients.connect();
  const texts = [];
  socket.io.engine.on("packet", ({ type, data }) => type === "message" && texts.push(data));
  socket.emit("forward", 2 ** 60, { z: 1, a: "é<&>" }, -(2 ** 63));
  await once(socket, "forward");
  assert.ok(texts.includes('2["forward",1152921504606847000,{"z":1,"a":"é<&>"},-9223372036854776000]'), texts.join("\n"));
});

scenario("undefined arrives as null, and an event may have no arguments", jsonOnly("undefined stays undefined"), async (clients) => {
  const socket = await clients.connect();
  socket.emit("echo", undefined, [undefined], { gone: undefined });
  assert.deepEqual(await once(socket, "echo"), [null, [null], {}]);
  socket.emit("echo");
  assert.deepEqual(await once(socket, "echo"), []);
});

scenario("typed arguments and result", async (clients) => {
  const socket = await clients.connect();
  const upload = {
    name: "café.zip",
    parts: [
      { type: "text", body: Buffer.from("one") },
      { type: "none", body: Buffer.alloc(0) },
      { type: "bytes", body: Buffer.from([0, 255, 128]) },
    ],
  };
  assert.deepEqual(await socket.emitWithAck("upload", upload), {
    name: "café.zip",
    sizes: { text: 3, none: 0, bytes: 3 },
    whole: Buffer.from([0x6f, 0x6e, 0x65, 0, 255, 128]),
  });
});

scenario("the server calls the client", async (clients) => {
  const socket = await clients.connect();
  socket.on("question", (question, answer) => answer({ question, because: ["é", 1.5, null] }));
  const reply = await socket.emitWithAck("call-me", { question: "why?" });
  assert.deepEqual(reply, { answer: { question: "why?", because: ["é", 1.5, null] } });
});

scenario("the server calls the client with binary both ways", async (clients) => {
  const socket = await clients.connect();
  socket.on("question", (question, answer) => answer({ reversed: Buffer.from(question).reverse() }));
  const reply = await socket.emitWithAck("call-me", { question: Buffer.from([1, 2, 3]) });
  assert.deepEqual(reply, { answer: { reversed: Buffer.from([3, 2, 1]) } });
});

scenario("the server gives up on a client that does not answer", async (clients) => {
  const socket = await clients.connect();
  assert.deepEqual(await socket.emitWithAck("call-me", { question: "hello?", withinMs: 50 }), { unanswered: true });
  assert.equal(await socket.emitWithAck("echo", "still here"), "still here");
});

scenario("the client gives up on a server that does not answer", async (clients) => {
  const socket = await clients.connect();
  for (const event of ["silence", "an event nobody handles"]) {
    await assert.rejects(socket.timeout(50).emitWithAck(event), /operation has timed out/);
  }
  assert.equal(await socket.emitWithAck("echo", "still here"), "still here");
});

scenario("many calls at once get each its own answer", async (clients) => {
  const socket = await clients.connect();
  const calls = Array.from({ length: 100 }, (_, i) => (i % 2 ? `call ${i}` : Buffer.from(`call ${i}`)));
  assert.deepEqual(await Promise.all(calls.map((call) => socket.emitWithAck("echo", call))), calls);
});

scenario("events reach their handler in order", async (clients) => {
  const socket = await clients.connect();
  const numbers = Array.from({ length: 200 }, (_, i) => i);
  for (const i of numbers) socket.emit("note", i);
  assert.deepEqual(await socket.emitWithAck("notes"), numbers);
});

scenario("events reach the client in order", async (clients) => {
  const socket = await clients.connect();
  const ticks = collect(socket, "tick", 200);
  socket.emit("flood", 200);
  assert.deepEqual(await ticks, Array.from({ length: 200 }, (_, i) => [i]));
});

scenario("with retries each event is delivered once and in order", async (clients) => {
  // The client sends the next event when the last one is acknowledged, and sends it again after ackTimeout.
  const socket = await clients.connect("/", { retries: 3 });
  const numbers = Array.from({ length: 20 }, (_, i) => i);
  for (const i of numbers) socket.emit("note", i);
  assert.deepEqual(await socket.emitWithAck("notes"), numbers);
});

const errors = roomcastOnly("in Node how a handler's error reaches the client is the application's own affair");

scenario("what the client is told of a handler's error", errors, async (clients) => {
  const socket = await clients.connect();
  assert.deepEqual(await socket.emitWithAck("refuse", "too early"), { error: "too early" });
  assert.deepEqual(await socket.emitWithAck("fail"), { error: "internal error" });
  assert.deepEqual(await socket.emitWithAck("upload", "not an object"), { error: "invalid argument" });
  assert.deepEqual(await socket.emitWithAck("upload"), { error: "invalid argument" });
  assert.equal(await socket.emitWithAck("echo", "still here"), "still here");
});

const turns = roomcastOnly("Node does not wait for an asynchronous handler before it starts the next one");

scenario("a handler that waits for the client holds up later events of that client only", turns, async (clients) => {
  const [socket, other] = await Promise.all([clients.connect(), clients.connect()]);
  const questions = collect(socket, "question", 1);
  const called = socket.emitWithAck("call-me", { question: "ready?" });
  const notes = record(socket, "echo");
  socket.emit("echo", "later");
  const [[, answer]] = await questions;
  assert.equal(await other.emitWithAck("echo", "meanwhile"), "meanwhile");
  assert.deepEqual(notes, []);
  answer("now");
  assert.deepEqual(await called, { answer: "now" });
  if (notes.length === 0) await once(socket, "echo");
  assert.deepEqual(notes, [["later"]]);
});
