// Engine.IO 3 and Socket.IO 2's packets.
import { closeStatus } from "./differences.mjs";
import { compare } from "./recorder.mjs";

const legacy = { server: "legacy" };

compare("a handshake over polling", legacy, async (wire) => {
  await wire.request("GET", "EIO=3&transport=polling");
});

compare("a handshake over polling with base64", legacy, async (wire) => {
  await wire.request("GET", "EIO=3&transport=polling&b64=1");
});

compare("a handshake over WebSocket", legacy, async (wire) => {
  const socket = await wire.websocket("EIO=3");
  await socket.receive(2);
});

async function session(wire, query = "EIO=3&transport=polling") {
  const { body } = await wire.request("GET", query);
  return `${query}&sid=${/"sid":"([^"]+)/.exec(body)[1]}`;
}

const framed = (...packets) => packets.map((packet) => `${packet.length}:${packet}`).join("");

compare("events over polling, text and binary", legacy, async (wire) => {
  const query = await session(wire);
  await wire.request("GET", query);
  await wire.request("POST", query, { body: framed('420["echo","é😀"]') });
  await wire.request("GET", query);
  const attachment = Buffer.concat([Buffer.from([1, 3, 0xff, 4]), Buffer.from([1, 2])]);
  const header = '451-["echo",{"_placeholder":true,"num":0}]';
  const length = Buffer.from([0, Math.floor(header.length / 10), header.length % 10, 0xff]);
  const body = Buffer.concat([length, Buffer.from(header), attachment]);
  await wire.request("POST", query, { body, headers: { "content-type": "application/octet-stream" } });
  await wire.request("GET", query);
});

compare("events over polling with base64", legacy, async (wire) => {
  const query = await session(wire, "EIO=3&transport=polling&b64=1");
  await wire.request("GET", query);
  await wire.request("POST", query, { body: framed('451-["echo",{"_placeholder":true,"num":0}]', "b4AQI=") });
  await wire.request("GET", query);
});

compare("PING and PONG over polling", legacy, async (wire) => {
  const query = await session(wire);
  await wire.request("GET", query);
  await wire.request("POST", query, { body: framed("2") });
  await wire.request("GET", query);
});

compare("events over WebSocket, text and binary", legacy, async (wire) => {
  const socket = await wire.websocket("EIO=3");
  await socket.receive(2);
  await socket.ask('420["echo","é😀"]');
  socket.send('451-["echo",{"_placeholder":true,"num":0}]', Buffer.from([4, 1, 2]));
  await socket.receive(2);
});

compare("namespaces", legacy, async (wire) => {
  const socket = await wire.websocket("EIO=3");
  await socket.receive(2);
  await socket.ask("40/news,");
  await socket.ask('42/news,1["echo","x"]');
  await socket.ask("40/admin?token=guess,");
  await socket.ask("40/admin?token=s3cret&name=Zo%C3%AB,", 2);
  socket.send("41/news,");
  await socket.ask('421["echo"]');
});

compare("an upgrade", legacy, async (wire) => {
  const query = await session(wire);
  await wire.request("GET", query);
  const socket = await wire.websocket(query.replace("&transport=polling", ""));
  await socket.ask("2probe");
  socket.send("5");
  await socket.ask('420["echo"]');
});

compare("the server disconnects the socket, and the connection", legacy, async (wire) => {
  for (const event of ["leave-me", "drop"]) {
    const socket = await wire.websocket("EIO=3");
    await socket.receive(2);
    await socket.ask(`42["${event}"]`);
  }
});

compare("a malformed packet closes the connection", { ...legacy, differs: [closeStatus] }, async (wire) => {
  const socket = await wire.websocket("EIO=3");
  await socket.receive(2);
  await socket.ask("4{}");
});
