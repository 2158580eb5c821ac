// React's StrictMode runs effects twice: a component that connects when it appears and disconnects when it goes calls
// connect, disconnect and connect in one tick. On a connection that is there already the client says CONNECT twice and
// nothing between. If the first is answered, too, there are two "connect" events.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { once, record, roomcastOnly, scenario } from "./clients.mjs";

const options = roomcastOnly("npm's server closes the connection on the second CONNECT");

for (const namespace of ["/strict", "/strict-slow", "/strict-1", "/strict-slow-1"]) {
  for (const shared of [true, false]) {
    const where = `${namespace}, ${shared ? "on a connection that others use" : "alone"}`;
    scenario(`connect, disconnect and connect: ${where}`, options, async (clients) => {
      const manager = clients.manager();
      const other = shared && (await clients.connect("/", { manager }));
      const lost = shared && record(other, "disconnect");
      const socket = clients.socket(namespace, { manager, autoConnect: false, auth: { tag: randomUUID() } });
      const ends = record(socket, "disconnect");
      for (let i = 0; i < 2; i++) {
        socket.connect();
        socket.disconnect();
        socket.connect();
        await once(socket, "connect");
        assert.equal(await socket.emitWithAck("echo", "at once"), "at once");
        await setTimeout(100); // for a second "connect"
        assert.deepEqual(await socket.emitWithAck("ids"), [socket.id], "the client has one socket, and knows it");
        if (shared) assert.equal(await other.emitWithAck("echo", "unharmed"), "unharmed");
        assert.deepEqual(ends, [], "the client is disconnected");
        socket.disconnect();
        assert.equal(ends.splice(0).length, 1);
      }
      if (shared) assert.deepEqual(lost, []);
      else socket.connect();
      if (!shared) await once(socket, "connect");
    });
  }
}
