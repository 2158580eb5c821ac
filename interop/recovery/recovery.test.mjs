// Connection state recovery: what a client has missed, it gets. The server under test has it on.
import assert from "node:assert/strict";
import { once, record, roomcastOnly, scenario } from "../clients.mjs";
import { Relay } from "../relay.mjs";

// npm's server keeps a session only once it has noticed the loss, which between two polls it does at the ping timeout.
const noticing = roomcastOnly("the client is back before npm's server has noticed");

// A client behind a relay, in a room of its own, and a speaker who stays connected.
async function company(clients, t) {
  const relay = await Relay.open(t);
  const options = { url: relay.url, reconnection: true, reconnectionDelay: 10, reconnectionDelayMax: 50 };
  const [socket, speaker] = await Promise.all([clients.connect("/", options), clients.connect()]);
  await clients.upgraded();
  const room = `room of ${socket.id}`;
  await socket.emitWithAck("join", room);
  return { relay, socket, speaker, room, heard: record(socket, "announcement") };
}

// Takes the network away for the time of a function.
async function away(relay, socket, during) {
  const [lost, back] = [once(socket, "disconnect"), once(socket, "connect")];
  await relay.remove();
  await lost;
  await during();
  await relay.restore();
  await back;
  await socket.emitWithAck("echo"); // what was missed comes before the answer
}

// What was announced, without the offsets.
const bodies = (events) => events.splice(0).map(([body]) => body);

// npm's server, too, has noticed the loss when the speaker knows of it.
const noticed = async (speaker, socket, lose) => {
  await speaker.emitWithAck("join", `watch ${socket.id}`);
  const left = once(speaker, "left");
  await lose(() => left);
};

scenario("a client gets back its id, its rooms and what it has missed, again and again", async (clients, t) => {
  if (process.env.REFERENCE && clients.last === "polling") return t.skip(noticing.skip);
  const { relay, socket, speaker, room, heard } = await company(clients, t);
  const { id } = socket;
  assert.equal(socket.recovered, false);
  await speaker.emitWithAck("announce", { body: "first" });
  await socket.emitWithAck("echo");
  for (let i = 0; i < 3; i++) {
    await noticed(speaker, socket, (left) =>
      away(relay, socket, async () => {
        if (clients.last === "websocket") await left();
        await speaker.emitWithAck("announce", { body: `to all ${i}` });
        await speaker.emitWithAck("announce", { rooms: [room], body: Buffer.from([i]) });
        await speaker.emitWithAck("announce", { rooms: [id], body: `to one ${i}` });
        await speaker.emitWithAck("announce", { except: [room], body: "to others" });
        await speaker.emitWithAck("announce", { rooms: ["another room"], body: "to others" });
      }),
    );
    assert.equal(socket.recovered, true);
    assert.equal(socket.id, id);
    assert.deepEqual(bodies(heard), [...(i ? [] : ["first"]), `to all ${i}`, Buffer.from([i]), `to one ${i}`]);
    await speaker.emitWithAck("announce", { rooms: [room], body: "live" });
    await socket.emitWithAck("echo");
    assert.deepEqual(bodies(heard), ["live"]);
  }
});

scenario("a client that has left by itself gets nothing back", async (clients, t) => {
  const { socket, speaker, room, heard } = await company(clients, t);
  const { id } = socket;
  await speaker.emitWithAck("announce", { rooms: [room], body: "first" });
  await socket.emitWithAck("echo");
  socket.disconnect();
  await speaker.emitWithAck("announce", { rooms: [room], body: "missed" });
  socket.connect();
  await once(socket, "connect");
  await socket.emitWithAck("echo");
  assert.equal(socket.recovered, false);
  assert.notEqual(socket.id, id);
  assert.deepEqual(bodies(heard), ["first"]);
});

const position = roomcastOnly("npm's server needs the offset of an event that the client has got");

scenario("a client that has got no event yet gets what it has missed", position, async (clients, t) => {
  const { relay, socket, speaker, room, heard } = await company(clients, t);
  for (let i = 0; i < 2; i++) {
    await away(relay, socket, () => speaker.emitWithAck("announce", { rooms: [room], body: i }));
    assert.equal(socket.recovered, true);
    assert.deepEqual(bodies(heard), [i]);
  }
});

const harmless = roomcastOnly("npm's server takes a volatile event's last string for an offset");

scenario("a volatile event does no harm", harmless, async (clients, t) => {
  const { relay, socket, speaker, room, heard } = await company(clients, t);
  await speaker.emitWithAck("announce", { rooms: [room], body: "first" });
  const nudged = once(socket, "nudge");
  while (!(await Promise.race([nudged, socket.emitWithAck("nudge").then(() => undefined)])));
  await away(relay, socket, () => speaker.emitWithAck("announce", { rooms: [room], body: "missed" }));
  assert.equal(socket.recovered, true);
  assert.deepEqual(bodies(heard), ["first", "missed"]);
});
