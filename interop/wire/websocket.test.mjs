// WebSocket alone: frames, limits, and who closes how.
import { closePacket, closeStatus } from "./differences.mjs";
import { compare } from "./recorder.mjs";

compare("a session: OPEN, CONNECT, events, reply", async (wire) => {
  const socket = await wire.connected();
  await socket.ask('42["echo",1,"größe→🎉",null,{"a":[true]}]');
  await socket.ask('427["echo","with a reply"]');
  await socket.ask('42["echo"]');
});

compare("binary, both ways, empty too, and in a reply", async (wire) => {
  const socket = await wire.connected();
  socket.send('452-["echo",{"_placeholder":true,"num":0},{"a":{"_placeholder":true,"num":1}}]');
  socket.send(Buffer.from([1, 2, 3, 4]), Buffer.alloc(0));
  await socket.receive(3);
  socket.send('451-7["echo",{"_placeholder":true,"num":0}]', Buffer.from([0xff]));
  await socket.receive(2);
});

compare("a session with base64 for binary", async (wire) => {
  const socket = await wire.connected("EIO=4&b64=1");
  socket.send('451-["echo",{"_placeholder":true,"num":0}]', "bAQIDBA==");
  await socket.receive(2);
});

compare("a frame as long as the limit allows, and one longer", { server: "websocket" }, async (wire) => {
  const socket = await wire.connected();
  await socket.ask(`42["measure","${"x".repeat(1000 - 16)}"]`);
  await socket.ask(`42["measure","${"x".repeat(1000 - 15)}"]`);
});

compare("the client closes by CLOSE", { differs: [closePacket] }, async (wire) => {
  const socket = await wire.connected();
  socket.send("1");
  await socket.ask('421["echo","still here"]');
});

compare("the client closes by a close frame", async (wire) => {
  const socket = await wire.connected();
  await socket.close();
});

compare("the client closes by a close frame with a code", async (wire) => {
  const socket = await wire.connected();
  await socket.close(1000);
});

compare("the client leaves the namespace, and comes back", async (wire) => {
  const socket = await wire.connected();
  await socket.ask("40/news,");
  socket.send("41");
  await socket.ask('42/news,["echo"]');
  await socket.ask("40");
  await socket.ask('42["echo"]');
});

compare("the server disconnects the socket", async (wire) => {
  const socket = await wire.connected();
  await socket.ask('42["leave-me"]');
  await socket.ask("40");
});

compare("the server closes the connection", { differs: [closeStatus] }, async (wire) => {
  const socket = await wire.connected();
  await socket.ask('42["drop"]', 2);
});

compare("the server closes the connection with two namespaces", { differs: [closeStatus] }, async (wire) => {
  const socket = await wire.connected();
  await socket.ask("40/news,");
  await socket.ask('42["drop"]', 3);
});

const nonsense = {
  "an unknown Engine.IO packet": "9",
  "an empty message": "",
  "a word": "hello",
};
for (const [what, message] of Object.entries(nonsense)) {
  compare(`${what} closes the connection`, { differs: [closeStatus] }, async (wire) => {
    const socket = await wire.connected();
    await socket.ask(message);
  });
}

// What each side is told of an end: the client on the wire, the server's program by its reason.
const ends = {
  "the client sends DISCONNECT": (socket) => socket.send("41"),
  "the client closes the WebSocket": (socket) => socket.close(),
  "the connection breaks": (socket) => socket.terminate(),
  "the server disconnects the socket": (socket) => socket.send('42["leave-me"]'),
  "the server closes the connection": (socket) => socket.send('42["drop"]'),
  "a violation": (socket) => socket.send('44{"message":"x"}'),
  "nonsense": (socket) => socket.send("9"),
};
for (const [what, end] of Object.entries(ends)) {
  compare(`the server's reason: ${what}`, async (wire) => {
    const watcher = await wire.connected("EIO=4", { name: "watcher" });
    const socket = await wire.connected("EIO=4", { name: "client" });
    await watcher.ask(`420["join","watch ${socket.id}"]`);
    await socket.ask('420["join","!"]');
    await end(socket);
    await watcher.receive(2);
  });
}
