// Socket.IO's packets: admission, namespaces, and what is not allowed.
import { closeStatus, noFarewell, secondConnect } from "./differences.mjs";
import { compare } from "./recorder.mjs";

// A packet, and how many the server answers with.
const admissions = {
  "without a payload": ["40", 1],
  "with an empty payload": ["40{}", 1],
  "with auth": ['40{"token":"x"}', 1],
  "to a namespace": ["40/news,", 1],
  "to a namespace, without the comma": ["40/news", 1],
  "to a namespace with auth": ['40/admin,{"token":"s3cret","name":"Zoë"}', 2],
  "to a namespace with a query": ["40/news?a=1&b=2,", 1],
  "refused by middleware": ["40/admin,", 1],
  "refused by middleware, with data": ['40/admin,{"token":"guess"}', 1],
  "to a namespace that does not exist": ["40/nowhere,", 1],
  "to a namespace by pattern": ["40/room-7,", 2],
  "to a namespace that the pattern does not match": ["40/room-x,", 1],
  "to a namespace by function": ['40/club-1,{"key":"open sesame"}', 1],
  "to a namespace that the function refuses": ['40/club-2,{"key":"please"}', 1],
  "to a namespace that the function refuses for want of auth": ["40/club-3,", 1],
};
for (const [what, [packet, answers]] of Object.entries(admissions)) {
  compare(`CONNECT ${what}`, async (wire) => {
    const socket = await wire.websocket();
    await socket.receive();
    await socket.ask(packet, answers);
    await socket.ask("40/games,"); // the connection stays
    await socket.ask('42/games,1["echo","there"]');
  });
}

compare("several namespaces on one connection", async (wire) => {
  const socket = await wire.connected();
  for (const name of ["/news", "/games"]) await socket.ask(`40${name},`);
  await socket.ask('42/news,["echo",1]');
  await socket.ask('42/games,3["echo",2]');
  socket.send("41/news,");
  await socket.ask('42/games,["echo",3]');
  await socket.ask("40/news,");
});

compare("a refused namespace may be asked again", async (wire) => {
  const socket = await wire.connected();
  await socket.ask("40/admin,");
  await socket.ask('40/admin,{"token":"s3cret","name":"Zoë"}', 2);
});

const violations = {
  "an event for a namespace that the client is not in": ['42/news,["echo"]'],
  "DISCONNECT from a namespace that the client is not in": ["41/news,"],
  "CONNECT_ERROR from a client": ['44{"message":"x"}'],
  "an unknown type": ["49"],
  "no type": ["4"],
  "broken JSON": ['42["echo"'],
  "an event that is no array": ['42{"a":1}'],
  "an event without a name": ["42[]"],
  "an event named by an object": ["42[{}]"],
  "a reserved event": ['42["disconnecting"]', '42["connect_error"]', '42["disconnect"]'],
  "CONNECT with a list": ["40/news,[]"],
  "CONNECT with a text": ['40/news,"x"'],
  "DISCONNECT with a payload": ["41{}"],
  "an ack that is no array": ["430{}"],
  "too many attachments": ['4511-["echo"]'],
  "a count of attachments that is none": ['45x-["echo"]'],
  "binary without a count": ["45"],
  "binary garbage": ["45woooot"],
  "a placeholder out of range": ['451-["echo",{"_placeholder":true,"num":1}]', Buffer.from([1])],
  "a placeholder whose number is a text": ['451-["echo",{"_placeholder":true,"num":"0"}]', Buffer.from([1])],
  "an attachment that nothing awaits": [Buffer.from([1])],
  "text while an attachment is awaited": ['451-["echo",{"_placeholder":true,"num":0}]', '42["echo"]'],
};
for (const [what, messages] of Object.entries(violations)) {
  compare(`closes the connection: ${what}`, { differs: [closeStatus] }, async (wire) => {
    const socket = await wire.connected();
    await socket.ask('421["echo","so far"]');
    socket.send(...messages);
    await socket.receive();
  });
}

for (const packet of ['42/games,["echo"]', "41/games,"]) {
  compare(`closes the connection: ${packet} once the client has left`, { differs: [closeStatus] }, async (wire) => {
    const socket = await wire.connected();
    await socket.ask("40/games,");
    socket.send("41/games,");
    await socket.ask('421["echo","so far"]'); // what comes at once with the DISCONNECT, Node ignores
    socket.send(packet);
    await socket.receive();
  });
}

compare("a second CONNECT", { differs: [secondConnect] }, async (wire) => {
  const socket = await wire.connected();
  await socket.ask("40");
});

compare("closes the connection: an event before CONNECT", { differs: [closeStatus] }, async (wire) => {
  const socket = await wire.websocket();
  await socket.receive();
  await socket.ask('42["echo"]');
});

compare("closes the connection: PING from a client", { differs: [noFarewell] }, async (wire) => {
  const socket = await wire.connected();
  await socket.ask("2");
});

// What is let pass; the echo's answer comes next.
const pardoned = {
  "PONG that nobody asked for": ["3"],
  "an ack that nobody awaits": ["4399[1]"],
  "an event nobody handles": ['42["no such event",1]'],
  "a number as an event's name": ["42[7,1]"],
  "NOOP": ["6"],
  "OPEN": ["0{}"],
};
for (const [what, messages] of Object.entries(pardoned)) {
  compare(`is let pass: ${what}`, async (wire) => {
    const socket = await wire.connected();
    socket.send(...messages);
    await socket.ask('421["echo","still here"]');
  });
}
