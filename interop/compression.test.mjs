// Compression: what of it shows to clients, and that what is sent is what arrives.
import assert from "node:assert/strict";
import http from "node:http";
import test from "node:test";
import { gunzipSync, inflateSync } from "node:zlib";
import { once, record, scenario } from "./clients.mjs";

const deflate = Boolean(process.env.DEFLATE); // the server under test has permessage-deflate
const text = "again ".repeat(20_000);

// The bytes that a client has been sent while it did something, over WebSocket.
async function received(socket, something) {
  const { bytesRead } = socket.io.engine.transport.ws._socket;
  await something();
  return socket.io.engine.transport.ws._socket.bytesRead - bytesRead;
}

scenario("permessage-deflate", async (clients) => {
  const socket = await clients.connect();
  await clients.upgraded();
  if (clients.last === "polling") return;
  assert.equal(socket.io.engine.transport.ws.extensions, deflate ? "permessage-deflate" : "");
  const bytes = await received(socket, async () => assert.equal(await socket.emitWithAck("echo", text), text));
  if (deflate) assert.ok(bytes < text.length / 20, `${bytes} bytes`);
  else assert.ok(bytes > text.length, `${bytes} bytes`);
});

scenario("a client that does not offer permessage-deflate", async (clients) => {
  const socket = await clients.connect("/", { perMessageDeflate: false });
  await clients.upgraded();
  if (clients.last === "websocket") assert.equal(socket.io.engine.transport.ws.extensions, "");
  assert.equal(await socket.emitWithAck("echo", text), text);
});

// ws makes these of the client's options; a smaller window than all is what compress/flate cannot do.
const offers = {
  "no context of the server": { serverNoContextTakeover: true },
  "no context of the client": { clientNoContextTakeover: true },
  "small windows of the client": { clientMaxWindowBits: 9 },
};
for (const [what, perMessageDeflate] of Object.entries(offers)) {
  scenario(`permessage-deflate with ${what}`, async (clients) => {
    const socket = await clients.connect("/", { perMessageDeflate: { threshold: 0, ...perMessageDeflate } });
    await clients.upgraded();
    for (const n of [1, 10_000, 1, 20_000, 1]) {
      const data = { text: "again ".repeat(n), bytes: Buffer.alloc(n, `${n} `) };
      assert.deepEqual(await socket.emitWithAck("echo", data), data);
    }
  });
}

scenario("events in a row, compressed and not", async (clients) => {
  const socket = await clients.connect();
  const repeated = record(socket, "repeated");
  const lengths = [];
  for (let n = 1; n < 10_000; n *= 3) {
    socket.emit("repeat", n);
    socket.emit("repeat plainly", n);
    lengths.push(n * 6, n * 6);
  }
  await socket.emitWithAck("echo", "done");
  assert.deepEqual(repeated.map(([text]) => text.length), lengths);
});

// A poll by hand, because the clients here do not ask for a compressed one as browsers do.
async function poll(query, headers = {}, body) {
  const request = http.request(`${process.env.URL}/socket.io/?EIO=4&transport=polling${query}`, {
    method: body ? "POST" : "GET",
    headers,
  });
  request.end(body);
  const [response] = await once(request, "response");
  const chunks = [];
  for await (const chunk of response) chunks.push(chunk);
  return { status: response.statusCode, coding: response.headers["content-encoding"], body: Buffer.concat(chunks) };
}

const decoders = { gzip: gunzipSync, deflate: inflateSync };
const skip = process.env.PARSER ? "the packets are JSON's" : false;

for (const [accepted, coding] of [["gzip, deflate, br", "gzip"], ["deflate", "deflate"], ["identity", undefined]]) {
  for (const [event, compressed] of [["repeat", true], ["repeat plainly", false]]) {
    test(`"${event}" over polling to a client that accepts ${accepted}`, { skip, timeout: 200_000 }, async () => {
      const { sid } = JSON.parse((await poll("")).body.subarray(1));
      const session = `&sid=${sid}`;
      await poll(session, {}, "40");
      await poll(session);
      let answer;
      let packets = [];
      while (packets.length !== 1) { // with a heartbeat beside it, the event is asked for again
        await poll(session, {}, `42["${event}",1000]`);
        do {
          answer = await poll(session, { "accept-encoding": accepted });
          assert.equal(answer.status, 200);
          packets = String(answer.coding ? decoders[answer.coding](answer.body) : answer.body).split("\x1e");
          if (packets.includes("2")) await poll(session, {}, "3");
        } while (!packets.some((packet) => packet.startsWith("42")));
        assert.ok(packets.includes(`42["repeated","${"again ".repeat(1000)}"]`), packets.join("\n"));
      }
      assert.equal(answer.coding, compressed ? coding : undefined);
      await poll(session, {}, "1");
      await poll(session); // or the server would wait for one, to say goodbye
    });
  }
}
