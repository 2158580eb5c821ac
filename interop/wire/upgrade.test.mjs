// From polling to WebSocket.
import { closeOverPolling, closeStatus, lastPoll, noFarewell, secondWebSocket, uncachedErrors } from "./differences.mjs";
import { compare } from "./recorder.mjs";

async function probed(wire) {
  const session = await wire.poll();
  await session.connect();
  const socket = await wire.websocket(`EIO=4&sid=${session.sid}`);
  const begun = performance.now();
  await socket.ask("2probe");
  return { session, socket, begun };
}

compare("probe, NOOP to the poll that waits, upgrade, events", async (wire) => {
  const session = await wire.poll();
  await session.connect();
  const poll = session.request("GET", { show: false });
  const socket = await wire.websocket(`EIO=4&sid=${session.sid}`);
  await socket.ask("2probe");
  wire.note(`< polled: ${(await poll).body}`);
  socket.send("5");
  await socket.ask('420["echo","over WebSocket"]');
});

compare("a poll right behind UPGRADE is refused", { differs: [uncachedErrors] }, async (wire) => {
  const { session, socket } = await probed(wire);
  socket.send("5");
  await session.request("GET");
});

compare("a poll while the WebSocket is probed ends after 100 ms", async (wire) => {
  const { session, begun } = await probed(wire); // Node looks for a poll each 100 ms from the probe on
  await session.request("GET");
  wire.note(performance.now() - begun > 50 ? "late" : "early");
});

compare("what is posted before the upgrade is answered after it", async (wire) => {
  const { session, socket } = await probed(wire);
  await session.post('42["echo","posted"]');
  socket.send("5");
  await socket.ask('42["echo","framed"]', 2);
});

compare("binary after the upgrade", async (wire) => {
  const { socket } = await probed(wire);
  socket.send("5", '451-["echo",{"_placeholder":true,"num":0}]', Buffer.from([1]));
  await socket.receive(2);
});

compare("polling and posting after the upgrade", { differs: [uncachedErrors] }, async (wire) => {
  const { session, socket } = await probed(wire);
  socket.send("5");
  await socket.ask('420["echo"]');
  await session.request("GET");
  await session.request("POST", { body: '42["echo"]' });
  await socket.ask('421["echo"]');
});

compare("a second WebSocket for a session", { differs: [secondWebSocket] }, async (wire) => {
  const { session, socket } = await probed(wire);
  socket.send("5");
  await socket.ask('420["echo"]');
  const second = await wire.websocket(`EIO=4&sid=${session.sid}`, { name: "second" });
  await second.receive();
  await socket.ask('421["echo"]');
});

const abandoned = {
  "the client closes the WebSocket": (socket) => socket.close(),
  "the client closes it with a code": (socket) => socket.close(1000),
};
for (const [what, end] of Object.entries(abandoned)) {
  compare(`an upgrade given up leaves polling as it was: ${what}`, async (wire) => {
    const { session, socket } = await probed(wire);
    await end(socket);
    await session.post('420["echo","still polling"]');
    await session.receive();
  });
}

const misbehaved = {
  "a message instead of the probe": ['42["echo"]'],
  "another probe": ["2other"],
  "nonsense": ["hello"],
};
for (const [what, messages] of Object.entries(misbehaved)) {
  compare(`a failed upgrade closes its WebSocket: ${what}`, { differs: [closeStatus] }, async (wire) => {
    const session = await wire.poll();
    await session.connect();
    const socket = await wire.websocket(`EIO=4&sid=${session.sid}`);
    socket.send(...messages);
    await socket.receive();
    await session.post('420["echo","still polling"]');
    await session.receive();
  });
}

compare("the client closes the session in the middle of an upgrade", { differs: [noFarewell, lastPoll] }, async (wire) => {
  const { session, socket } = await probed(wire);
  await session.post("1");
  await session.request("GET");
  await socket.receive();
});

compare("the server closes the session in the middle of an upgrade", { differs: [closeOverPolling, noFarewell] }, async (wire) => {
  const { session, socket } = await probed(wire);
  await session.post('42["drop"]');
  await session.receive(2);
  await socket.receive();
});
