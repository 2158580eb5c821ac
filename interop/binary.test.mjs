// Buffers anywhere in the arguments of events and acknowledgements.
import assert from "node:assert/strict";
import { jsonOnly, once, scenario } from "./clients.mjs";

const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));

scenario("binary nested in objects and arrays", async (clients) => {
  const socket = await clients.connect();
  const args = [
    { name: "naïve", files: [{ body: bytes, meta: { thumbnail: Buffer.from("tiny"), tags: [] } }], none: null },
    "beside",
    [[bytes], { deep: { deeper: [Buffer.from("é")] } }],
  ];
  socket.emit("echo", ...args);
  assert.deepEqual(await once(socket, "echo"), args);

  const [error, ...acked] = await new Promise((resolve) => socket.emit("echo", ...args, (...all) => resolve(all)));
  assert.equal(error, null);
  assert.deepEqual(acked, args);
});

scenario("every kind of binary a client can send", jsonOnly("its typed array views send their whole buffer"), async (clients) => {
  const socket = await clients.connect();
  const view = new Uint8Array(bytes.buffer, bytes.byteOffset + 10, 4);
  assert.deepEqual(await socket.emitWithAck("echo", bytes), bytes);
  assert.deepEqual(await socket.emitWithAck("echo", Uint8Array.from(bytes)), bytes);
  assert.deepEqual(await socket.emitWithAck("echo", Uint8Array.from(bytes).buffer), bytes);
  assert.deepEqual(await socket.emitWithAck("echo", view), Buffer.from([10, 11, 12, 13]));
  assert.deepEqual(await socket.emitWithAck("echo", Uint16Array.of(0x0201, 0x0403)), Buffer.from([1, 2, 3, 4]));
});

scenario("empty binary", async (clients) => {
  const socket = await clients.connect();
  const args = [Buffer.alloc(0), { empty: Buffer.alloc(0) }, [Buffer.alloc(0), bytes, Buffer.alloc(0)]];
  socket.emit("echo", ...args);
  assert.deepEqual(await once(socket, "echo"), args);
});

scenario("an object that looks like an attachment's placeholder beside a real one", async (clients) => {
  const socket = await clients.connect();
  const args = [bytes, { num: 0, placeholder: true }, { _placeholder: false, num: 7 }];
  socket.emit("echo", ...args);
  assert.deepEqual(await once(socket, "echo"), args);
});

scenario("binary and text in turn keep their order", async (clients) => {
  const socket = await clients.connect();
  const got = [];
  socket.on("echo", (value) => got.push(value));
  const sent = Array.from({ length: 100 }, (_, i) => (i % 3 ? i : { i, body: Buffer.from([i]) }));
  for (const value of sent) socket.emit("echo", value);
  await socket.emitWithAck("echo", "the last");
  assert.deepEqual(got, sent);
});

scenario("attachments of namespaces that share a connection stay with their events", async (clients) => {
  const manager = clients.manager();
  const sockets = await Promise.all(["/", "/news", "/games"].map((name) => clients.connect(name, { manager })));
  await Promise.all(
    sockets.flatMap((socket, s) =>
      Array.from({ length: 30 }, async (_, i) => {
        const value = { in: socket.nsp, parts: [Buffer.from([s, i]), Buffer.alloc(i, s)] };
        assert.deepEqual(await socket.emitWithAck("echo", value), value);
      }),
    ),
  );
});
