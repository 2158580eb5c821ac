// Rooms, broadcasts, and broadcasts that gather answers.
import assert from "node:assert/strict";
import { record, scenario } from "./clients.mjs";

// Three clients: ann in rooms a and b, bob in a, cat in none. The rooms' names are new ones for each scenario.
async function threesome(clients) {
  const [ann, bob, cat] = await Promise.all([clients.connect(), clients.connect(), clients.connect()]);
  const [a, b] = [`a of ${ann.id}`, `部屋🎉 of ${ann.id}`];
  await Promise.all([ann.emitWithAck("join", a), ann.emitWithAck("join", b), bob.emitWithAck("join", a)]);
  return { ann, bob, cat, a, b };
}

// Returns a function that tells what each of the sockets has been sent under the event until then.
function listen(event, ...sockets) {
  const records = sockets.map((socket) => record(socket, event));
  return async () => {
    await Promise.all(sockets.map((socket) => socket.emitWithAck("echo")));
    return records.map((events) => events.flat());
  };
}

scenario("a room gets what is sent to it, except the sender", async (clients) => {
  const { ann, bob, cat, a, b } = await threesome(clients);
  const heard = listen("post", ann, bob, cat);
  await ann.emitWithAck("post", { rooms: [a], body: "1: ann to a" });
  await bob.emitWithAck("post", { rooms: [b], body: "2: bob to b" });
  await cat.emitWithAck("post", { rooms: [a, b], body: "3: cat to both" });
  await cat.emitWithAck("post", { rooms: [a], except: [b], body: "4: cat to a but not b" });
  await cat.emitWithAck("post", { rooms: [bob.id], body: "5: cat to bob alone" });
  await cat.emitWithAck("post", { rooms: ["a room nobody is in"], body: "6: cat to nobody" });
  assert.deepEqual(await heard(), [
    ["2: bob to b", "3: cat to both"],
    ["1: ann to a", "3: cat to both", "4: cat to a but not b", "5: cat to bob alone"],
    [],
  ]);
});

scenario("an announcement to rooms includes the sender, and nobody twice", async (clients) => {
  const { ann, bob, cat, a, b } = await threesome(clients);
  const heard = listen("announcement", ann, bob, cat);
  await ann.emitWithAck("announce", { rooms: [a, b], body: "1: to both" });
  await bob.emitWithAck("announce", { rooms: [a], except: [ann.id], body: "2: to a but not ann" });
  await cat.emitWithAck("announce", { rooms: [a], body: { bytes: Buffer.from([1, 2]), none: Buffer.alloc(0) } });
  const bytes = { bytes: Buffer.from([1, 2]), none: Buffer.alloc(0) };
  assert.deepEqual(await heard(), [["1: to both", bytes], ["1: to both", "2: to a but not ann", bytes], []]);
});

scenario("a broadcast reaches all others", async (clients) => {
  const { ann, bob, cat } = await threesome(clients);
  const heard = listen("post", ann, bob, cat);
  await ann.emitWithAck("post", { body: "1: to all" });
  await bob.emitWithAck("post", { except: [cat.id], body: "2: to all but cat" });
  assert.deepEqual(await heard(), [["2: to all but cat"], ["1: to all"], ["1: to all"]]);
});

scenario("who has left a room gets nothing more from it", async (clients) => {
  const { ann, bob, cat, a, b } = await threesome(clients);
  const heard = listen("post", ann, bob);
  await ann.emitWithAck("leave", a);
  await bob.emitWithAck("leave", "a room bob never joined");
  await cat.emitWithAck("post", { rooms: [a], body: "to a" });
  assert.deepEqual(await heard(), [[], ["to a"]]);
  assert.deepEqual((await ann.emitWithAck("whoami")).rooms, [ann.id, b].sort());
});

scenario("a room forgets who disconnects", async (clients) => {
  const { ann, bob, cat, a } = await threesome(clients);
  assert.equal(await cat.emitWithAck("members", a), 2);
  await cat.emitWithAck("join", `watch ${bob.id}`);
  const left = new Promise((resolve) => cat.once("left", resolve));
  bob.disconnect();
  await left;
  assert.equal(await cat.emitWithAck("members", a), 1);
  ann.disconnect();
});

scenario("rooms of one namespace are not those of another", async (clients) => {
  const manager = clients.manager();
  const main = await clients.connect("/", { manager });
  const news = await clients.connect("/news", { manager });
  const room = `lobby of ${main.id}`;
  await main.emitWithAck("join", room);
  const heard = listen("post", main, news);
  const other = await clients.connect();
  await other.emitWithAck("post", { rooms: [room], body: "to the main namespace's" });
  assert.deepEqual(await heard(), [["to the main namespace's"], []]);
});

scenario("a broadcast gathers the answers of all in a room, the caller's own too", async (clients) => {
  const { ann, bob, cat, a } = await threesome(clients);
  ann.on("question", (question, answer) => answer(`ann: ${question}`));
  bob.on("question", (question, answer) => setImmediate(answer, Buffer.from(`bob: ${question}`)));
  cat.on("question", () => assert.fail("cat isn't in the room"));
  const { answers, missing } = await ann.emitWithAck("ask-room", { room: a, question: "coffee?", withinMs: 60_000 });
  const text = answers.map(String).sort();
  assert.deepEqual({ text, missing }, { text: ["ann: coffee?", "bob: coffee?"], missing: false });
});

scenario("a broadcast with answers ends without those who do not answer", async (clients) => {
  const { ann, cat, a } = await threesome(clients);
  ann.on("question", (question, answer) => answer("ann"));
  let asked = { answers: [] };
  for (let withinMs = 200; asked.answers.length === 0; withinMs *= 2) { // on a slow machine ann needs more time
    asked = await cat.emitWithAck("ask-room", { room: a, question: "anybody?", withinMs });
  }
  assert.deepEqual(asked, { answers: ["ann"], missing: true });
});

scenario("a question to an empty room has no answers", async (clients) => {
  const socket = await clients.connect();
  const asked = await socket.emitWithAck("ask-room", { room: "a room nobody is in", question: "?", withinMs: 60_000 });
  assert.deepEqual(asked, { answers: [], missing: false });
});

scenario("100 clients join rooms at the same time", async (clients) => {
  const sockets = await Promise.all(Array.from({ length: 100 }, () => clients.connect()));
  const crowd = `crowd of ${sockets[0].id}`;
  await Promise.all(
    sockets.map(async (socket, i) => {
      await Promise.all([socket.emitWithAck("join", crowd), socket.emitWithAck("join", `${crowd}, row ${i % 10}`)]);
    }),
  );
  const [first] = sockets;
  assert.equal(await first.emitWithAck("members", crowd), 100);
  assert.equal(await first.emitWithAck("members", `${crowd}, row 3`), 10);

  const heard = listen("announcement", ...sockets);
  await first.emitWithAck("announce", { rooms: [`${crowd}, row 3`], body: "row 3" });
  await first.emitWithAck("announce", { rooms: [crowd], body: "everybody" });
  assert.deepEqual(
    await heard(),
    sockets.map((_, i) => (i % 10 === 3 ? ["row 3", "everybody"] : ["everybody"])),
  );
});
