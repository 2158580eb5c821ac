// What is refused before there is a session, and the headers of what is not.
import {
  foreignOrigin, originless, preflight, subprotocolErrors, uncachedErrors, upgradeErrors, versionInsideWebSocket, websocketCookie,
} from "./differences.mjs";
import { compare } from "./recorder.mjs";

const handshake = "EIO=4&transport=polling";
const websocketHeaders = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};

const refusals = {
  "an unknown transport": ["GET", "EIO=4&transport=tcp"],
  "a transport named like a property of every object": ["GET", "EIO=4&transport=constructor"],
  "no transport": ["GET", "EIO=4"],
  "no query": ["GET", ""],
  "an unknown session, polled": ["GET", `${handshake}&sid=unknown`],
  "an unknown session, posted to": ["POST", `${handshake}&sid=unknown`, { body: "2" }],
  "a handshake by POST": ["POST", handshake, { body: "40" }],
  "a handshake by PUT": ["PUT", handshake],
  "a handshake by DELETE": ["DELETE", handshake],
  "WebSocket without an upgrade": ["GET", "EIO=4&transport=websocket"],
  "Engine.IO 3 where it is not allowed": ["GET", "EIO=3&transport=polling"],
  "an unknown file below the path": ["GET", "", { path: "/socket.io/no-such-file.js" }],
};
for (const [what, [method, query, options]] of Object.entries(refusals)) {
  compare(`refused: ${what}`, { differs: [uncachedErrors] }, async (wire) => {
    await wire.request(method, query, options);
  });
}

compare("the headers of handshake, POST and poll", async (wire) => {
  await wire.request("GET", handshake);
  const session = await wire.poll();
  await session.request("POST", { body: "40" });
  await session.request("GET");
});

const ask = { "access-control-request-method": "POST", "access-control-request-headers": "x-token" };

compare("CORS for a listed origin: preflight", { server: "open", differs: [preflight] }, async (wire) => {
  await wire.request("OPTIONS", handshake, { headers: { origin: "https://friend.example", ...ask } });
});

compare("CORS for a listed origin: handshake, POST, error", { server: "open", differs: [uncachedErrors] }, async (wire) => {
  const headers = { origin: "https://friend.example" };
  await wire.request("GET", handshake, { headers });
  const session = await wire.poll();
  await session.request("POST", { headers, body: "40" });
  await wire.request("GET", "EIO=4&transport=none", { headers });
});

compare("CORS for a foreign origin", { server: "open", differs: [foreignOrigin] }, async (wire) => {
  await wire.request("GET", handshake, { headers: { origin: "https://foe.example" } });
});

compare("a cookie with the session's id, over polling", { server: "open", differs: [originless] }, async (wire) => {
  await wire.request("GET", handshake);
});

compare("a cookie with the session's id, over WebSocket", { server: "open", differs: [originless, websocketCookie] }, async (wire) => {
  const socket = await wire.websocket();
  await socket.receive();
});

compare("what OPEN says where there is polling alone", { server: "polling", differs: [uncachedErrors] }, async (wire) => {
  await wire.request("GET", handshake);
  await wire.request("GET", "EIO=4&transport=websocket", { headers: websocketHeaders });
});

compare("what OPEN says where there is WebSocket alone", { server: "websocket", differs: [uncachedErrors] }, async (wire) => {
  await wire.request("GET", handshake);
  const socket = await wire.websocket();
  await socket.receive();
});

compare("refused: a WebSocket for an unknown session", { differs: [upgradeErrors] }, async (wire) => {
  await wire.websocket("EIO=4&sid=unknown");
});

compare("refused: a WebSocket of Engine.IO 3", { differs: [versionInsideWebSocket] }, async (wire) => {
  const socket = await wire.websocket("EIO=3");
  await socket.receive();
});

compare("a WebSocket that offers subprotocols gets the first", async (wire) => {
  const socket = await wire.websocket("EIO=4", { headers: { "sec-websocket-protocol": "mine, yours" } });
  await socket.receive();
});

compare("refused: malformed subprotocols", { differs: [subprotocolErrors] }, async (wire) => {
  await wire.request("GET", "EIO=4&transport=websocket", { headers: { ...websocketHeaders, "sec-websocket-protocol": "a,,b" } });
});

for (const [own, other] of [["4", "3"], ["3", "4"], ["4", "5"]]) {
  compare(`refused: a request of revision ${other} within a session of ${own}`, { server: "legacy", differs: [uncachedErrors] }, async (wire) => {
    const { body } = await wire.request("GET", `EIO=${own}&transport=polling`);
    const sid = /"sid":"([^"]+)/.exec(body)[1];
    await wire.request("POST", `EIO=${other}&transport=polling&sid=${sid}`, { body: "2" });
    await wire.request("GET", `EIO=${other}&transport=polling&sid=${sid}`);
  });
}
