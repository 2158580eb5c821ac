// Calls both ways, rooms and broadcasts, as they are on the wire.
import { compare } from "./recorder.mjs";

// Sends, and returns the id of the call with which the server answers. Ids count the calls of a namespace.
async function called(socket, message) {
  if (message) socket.send(message);
  return /^42(\d+)/.exec(await socket.receive())[1];
}

compare("the server calls the client", async (wire) => {
  const socket = await wire.connected();
  for (const answer of ['"because"', '{"a":[null,1]}', ""]) {
    const id = await called(socket, '420["call-me",{"question":"why?"}]');
    await socket.ask(`43${id}[${answer}]`);
  }
});

compare("the server calls the client, which answers with binary", async (wire) => {
  const socket = await wire.connected();
  const id = await called(socket, '420["call-me",{"question":"bytes?"}]');
  socket.send(`461-${id}[{"_placeholder":true,"num":0}]`, Buffer.from([1, 2]));
  await socket.receive(2);
});

compare("the server calls the client in vain, and ignores the late answer", async (wire) => {
  const socket = await wire.connected();
  const id = await called(socket, '420["call-me",{"question":"hello?","withinMs":50}]');
  await socket.receive();
  socket.send(`43${id}["late"]`);
  await socket.ask('421["echo"]');
});

// ann and bob are in a room, cat is in none.
async function threesome(wire) {
  const [ann, bob, cat] = [
    await wire.connected("EIO=4", { name: "ann" }),
    await wire.connected("EIO=4", { name: "bob" }),
    await wire.connected("EIO=4", { name: "cat" }),
  ];
  for (const socket of [ann, bob]) await socket.ask('420["join","lobby"]');
  return { ann, bob, cat };
}

// Notes what a socket is sent besides the replies: all of it, as replies come in order.
async function hear(socket, n) {
  socket.send('429["echo","that was all"]');
  await socket.receive(n + 1);
}

compare("a broadcast to a room, without the sender", async (wire) => {
  const { ann, bob, cat } = await threesome(wire);
  await ann.ask('421["post",{"rooms":["lobby"],"body":"ann"}]');
  await cat.ask('421["post",{"rooms":["lobby"],"body":"cat"}]');
  await hear(ann, 1);
  await hear(bob, 2);
  await hear(cat, 0);
});

compare("a broadcast to all but a room, and to one socket", async (wire) => {
  const { ann, bob, cat } = await threesome(wire);
  await ann.ask('421["announce",{"except":["lobby"],"body":"outside"}]');
  await ann.ask(`422["announce",{"rooms":["${bob.id}"],"body":"bob alone"}]`);
  await hear(ann, 0);
  await hear(bob, 1);
  await hear(cat, 1);
});

compare("a broadcast with binary", async (wire) => {
  const { ann, bob, cat } = await threesome(wire);
  ann.send('451-1["post",{"rooms":["lobby"],"body":{"_placeholder":true,"num":0}}]', Buffer.from([1, 2]));
  await ann.receive();
  await hear(bob, 2);
  await hear(cat, 0);
});

compare("who has left a room, or the namespace, hears no more of it", async (wire) => {
  const { ann, bob, cat } = await threesome(wire);
  await ann.ask('421["leave","lobby"]');
  await bob.ask("40/news,");
  bob.send("41");
  await bob.ask('42/news,["echo"]');
  await bob.ask("40");
  await cat.ask('421["post",{"rooms":["lobby"],"body":"anybody?"}]');
  await hear(ann, 0);
  await hear(bob, 0);
});

compare("a broadcast that gathers replies", async (wire) => {
  const { ann, bob, cat } = await threesome(wire);
  cat.send('420["ask-room",{"room":"lobby","question":"?","withinMs":15000}]');
  const id = await called(ann);
  await bob.receive();
  ann.send(`43${id}["ann"]`);
  await hear(ann, 0); // has been heard, then
  bob.send(`43${id}["bob"]`);
  await cat.receive();
});

compare("a volatile event to a client that reads", async (wire) => {
  const socket = await wire.connected();
  await socket.ask('421["nudge"]', 2);
});

compare("a room that one has left", async (wire) => {
  const { ann, cat } = await threesome(wire);
  await cat.ask('421["members","lobby"]');
  await ann.ask("40/news,");
  ann.send("41");
  await ann.ask('42/news,["echo"]');
  await cat.askUntil('422["members","lobby"]', "432[1]");
});

compare("what the server knows of the handshake", async (wire) => {
  const socket = await wire.websocket("EIO=4&a=b%26c&d=", { headers: { "X-Trace": "trace 1" } });
  await socket.receive();
  await socket.ask('40{"user":"Zoë"}');
  socket.send('421["whoami"]');
  const { time, ...seen } = JSON.parse((await socket.next()).slice(3))[0];
  for (const key of Object.keys(seen).sort()) wire.note(`< ${key}: ${JSON.stringify(seen[key])}`);
});
