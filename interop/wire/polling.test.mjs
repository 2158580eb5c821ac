// Payloads over polling, their limits, and how sessions end.
import {
  closeOverPolling, fullPost, lastPoll, lineSeparator, malformedPost, methodInSession, script, silentErrors, silentPoll, uncachedErrors,
} from "./differences.mjs";
import { compare } from "./recorder.mjs";

compare("several packets in a POST, several in an answer", async (wire) => {
  const session = await wire.poll();
  await session.connect();
  await session.post('42["echo",1]', '421["echo","größe→🎉"]', '42["echo",2]');
  await session.receive(3);
});

compare("text in several bytes, and what JSON or the framing gives a meaning", { differs: [lineSeparator] }, async (wire) => {
  const session = await wire.poll();
  await session.connect();
  await session.post('42["echo","é世🎉 \\u001e \\u2028 <&> \\\\ \\" \\/"]');
  await session.receive();
});

compare("binary in base64, both ways, empty too", async (wire) => {
  const session = await wire.poll();
  await session.connect();
  await session.post('452-["echo",{"_placeholder":true,"num":0},{"a":{"_placeholder":true,"num":1}}]', "bAQIDBA==", "b");
  await session.receive(3);
  await session.post('451-7["echo",{"_placeholder":true,"num":0}]', "b/w==");
  await session.receive(2);
});

compare("a POST as long as the limit allows, and one longer", { server: "polling" }, async (wire) => {
  const session = await wire.poll();
  await session.connect();
  await session.post(`42["measure","${"x".repeat(1000 - 16)}"]`);
  await session.receive();
  await session.request("POST", { body: "x".repeat(1001) });
});

compare("several packets in a POST, together 1 % beyond the limit", { server: "polling", differs: [fullPost] }, async (wire) => {
  const session = await wire.poll();
  await session.connect();
  const packet = `42["ignored","${"x".repeat(504 - 16)}"]`;
  await session.request("POST", { body: `${packet}\x1e${packet}` });
});

compare("a POST after CLOSE is refused", { differs: [uncachedErrors] }, async (wire) => {
  const session = await wire.poll();
  await session.connect();
  await session.post("1");
  await session.request("POST", { body: '42["echo"]' });
});

const malformed = {
  "an unknown packet type": "9",
  "no packet": "",
  "a word": "hello",
};
for (const [what, body] of Object.entries(malformed)) {
  compare(`a malformed POST ends the session: ${what}`, { differs: [malformedPost, uncachedErrors] }, async (wire) => {
    const session = await wire.poll();
    await session.connect();
    await session.request("POST", { body });
    await session.request("GET");
  });
}

compare("a POST of application/octet-stream ends the session", { differs: [silentErrors, uncachedErrors] }, async (wire) => {
  const session = await wire.poll();
  await session.connect();
  await session.request("POST", { body: "4hello", headers: { "content-type": "application/octet-stream" } });
  await session.request("GET");
});

compare("another method within a session", { differs: [methodInSession] }, async (wire) => {
  const session = await wire.poll();
  await session.request("PUT");
});

compare("a second poll ends the session", { differs: [silentPoll, uncachedErrors] }, async (wire) => {
  const session = await wire.poll();
  await session.connect();
  const polls = await Promise.all([1, 2].map(() => session.request("GET", { show: false })));
  for (const { status, body } of polls.sort((a, b) => a.status - b.status)) wire.note(`< polled: ${status} ${body}`.trimEnd());
  await session.request("GET");
});

compare("a client that closes", { differs: [lastPoll] }, async (wire) => {
  const session = await wire.poll();
  await session.connect();
  await session.post("1");
  await session.request("GET");
});

compare("a client that leaves the namespace, and comes back", async (wire) => {
  const session = await wire.poll();
  await session.connect();
  await session.post("41");
  await session.connect();
  await session.post('42["echo"]');
  await session.receive();
});

compare("the server disconnects the socket", async (wire) => {
  const session = await wire.poll();
  await session.connect();
  await session.post('42["leave-me"]');
  await session.receive();
  await session.connect();
});

compare("the server closes the connection", { differs: [closeOverPolling, uncachedErrors] }, async (wire) => {
  const session = await wire.poll();
  await session.connect();
  await session.post('42["drop"]');
  await session.receive(2);
  await session.request("GET");
});

compare("a violation ends the session", { differs: [closeOverPolling, uncachedErrors] }, async (wire) => {
  const session = await wire.poll();
  await session.connect();
  await session.post('44{"message":"x"}');
  await session.receive();
  await session.request("GET");
});

compare("JSONP: handshake, POST, poll", { server: "legacy", differs: [script] }, async (wire) => {
  const options = { headers: { referer: wire.url } }; // of a page of the server's own
  const { body } = await wire.request("GET", "EIO=4&transport=polling&j=3", options);
  const query = `EIO=4&transport=polling&j=3&sid=${/sid\\":\\"([^\\]+)/.exec(body)[1]}`;
  const post = (packets) => wire.request("POST", query, { ...options, body: `d=${encodeURIComponent(packets)}` });
  await post("40");
  await wire.request("GET", query, options);
  await post('42["echo","a\\\\nb"]');
  await wire.request("GET", query, options);
});
