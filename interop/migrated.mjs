// Stock clients of a program that was written against go-socket.io: node migrated.mjs <program> <url>
import assert from "node:assert/strict";
import { once } from "node:events";
import { io } from "socket.io-client";

const [program, url] = process.argv.slice(2);
const transports = [["polling"], ["websocket"], ["polling", "websocket"]];

const programs = {
  async rooms(connect) {
    const [ann, bob] = [await connect(), await connect()];
    assert.equal(await ann.emitWithAck("name", "ann"), "hello ann");
    const room = `room of ${ann.id}`;
    assert.equal(await ann.emitWithAck("join", room), 1);
    await bob.emitWithAck("join", room);
    const posted = once(bob, "posted");
    ann.emit("post", { room, text: "hé" });
    assert.deepEqual(await posted, ["ann", { room, text: "hé" }]);
    const stats = await connect("/stats");
    assert.ok((await stats.emitWithAck("count")) >= 3);
  },
  async files(connect) {
    const ann = await connect();
    const content = Buffer.from([0, 1, 254, 255]);
    assert.equal(await ann.emitWithAck("put", "a.bin", content), true);
    assert.deepEqual(Buffer.from(await ann.emitWithAck("get", "a.bin")), content);
  },
  async "v1.4/chat"(connect) {
    const [ann, bob] = [await connect(), await connect()];
    const first = once(bob, "said");
    await bob.emitWithAck("say", "here"); // now bob's OnConnect has ended, which puts him into the room
    await first;
    const said = once(bob, "said");
    assert.equal(await ann.emitWithAck("say", "hé"), "ok");
    assert.deepEqual(await said, ["hé"]);
  },
};

for (const chosen of transports) {
  const sockets = [];
  await programs[program](async (namespace = "/") => {
    const socket = io(url + namespace, { transports: chosen, forceNew: true, reconnection: false, ackTimeout: 60_000 });
    sockets.push(socket);
    await new Promise((resolve, reject) => socket.once("connect", resolve).once("connect_error", reject));
    return socket;
  });
  for (const socket of sockets) {
    socket.disconnect();
  }
}
