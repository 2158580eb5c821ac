// Heartbeats, and what ends for want of something in time.
import { describe } from "node:test";
import { closeStatus, noFarewell, uncachedErrors } from "./differences.mjs";
import { compare } from "./recorder.mjs";

const hasty = { server: "hasty" };

describe("time", { concurrency: true }, () => { // most of it is waiting
  compare("heartbeats over WebSocket, and the end without them", { ...hasty, differs: [noFarewell] }, async (wire) => {
    const socket = await wire.connected();
    for (let i = 0; i < 3; i++) {
      await socket.receive();
      socket.send("3");
    }
    await socket.receive(); // PING
    await socket.receive(); // the end
  });

  compare("heartbeats over polling, and the end without them", { ...hasty, differs: [uncachedErrors] }, async (wire) => {
    const session = await wire.poll();
    await session.connect();
    await session.receive();
    await session.post("3");
    await session.receive();
    await session.request("GET");
    await session.request("GET");
  });

  compare("the server's reason is the ping timeout", hasty, async (wire) => {
    const socket = await wire.connected();
    const watcher = await wire.poll();
    await watcher.connect();
    await watcher.post(`420["join","watch ${socket.id}"]`);
    const told = [];
    while (told.length < 2) {
      for (const packet of await watcher.packets()) {
        if (packet === "2") await watcher.pong();
        if (packet.startsWith("42")) told.push(packet);
      }
    }
    for (const packet of told) wire.note(`< ${packet}`);
  });

  compare("a client in no namespace, over WebSocket", { ...hasty, differs: [closeStatus] }, async (wire) => {
    const socket = await wire.websocket();
    await socket.receive();
    await socket.answeringPings();
  });

  compare("a client whose namespace is refused", { ...hasty, differs: [closeStatus] }, async (wire) => {
    const socket = await wire.websocket();
    await socket.receive();
    socket.send("40/nowhere,");
    await socket.answeringPings();
    await socket.answeringPings();
  });

  compare("heartbeats of Engine.IO 3, and the end without them", { ...hasty, differs: [noFarewell] }, async (wire) => {
    const socket = await wire.websocket("EIO=3");
    await socket.receive(2);
    await socket.ask("2");
    await socket.ask("2with data");
    await socket.receive();
  });

  compare("a WebSocket that does not complete the upgrade in time", { ...hasty, differs: [noFarewell] }, async (wire) => {
    const session = await wire.poll();
    await session.connect();
    const socket = await wire.websocket(`EIO=4&sid=${session.sid}`);
    await socket.receive();
  });

  compare("a broadcast that one does not reply to", async (wire) => {
    const [ann, bob, cat] = [await wire.connected(), await wire.connected(), await wire.connected()];
    for (const socket of [ann, bob]) await socket.ask('420["join","half-hearted"]');
    cat.send('420["ask-room",{"room":"half-hearted","question":"?","withinMs":10000}]');
    const [, id] = /^42(\d+)/.exec(await ann.receive());
    await bob.receive();
    ann.send(`43${id}["ann"]`);
    await cat.receive();
  });
});
