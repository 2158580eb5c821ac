// The browser bundles that the server hands out, loaded as pages load them and connected to where they came from.
import assert from "node:assert/strict";
import test from "node:test";
import vm from "node:vm";
import { WebSocket } from "ws";
import { once } from "./clients.mjs";

const url = process.env.URL;
globalThis.WebSocket ??= WebSocket; // which browsers have, and Node.js before 22 has not

// What <script src> does with a bundle, and what <script type="module"> does.
const script = (source) => (vm.runInThisContext(source), globalThis.io);
const module = async (source) => (await import(`data:text/javascript,${encodeURIComponent(source)}`)).io;

const bundles = process.env.PARSER
  ? { "socket.io.msgpack.min.js": script }
  : { "socket.io.js": script, "socket.io.min.js": script, "socket.io.esm.min.js": module };

for (const [file, load] of Object.entries(bundles)) {
  test(file, { timeout: 200_000 }, async (t) => {
    const response = await fetch(`${url}/socket.io/${file}`);
    assert.equal(response.status, 200);
    const io = await load(await response.text());
    const socket = io(url, { transports: ["websocket"], reconnection: false });
    t.after(() => socket.disconnect());
    await once(socket, "connect");
    assert.equal(await socket.timeout(60_000).emitWithAck("echo", file), file);

    const map = await fetch(`${url}/socket.io/${file}.map`);
    assert.equal((await map.json()).version, 3);
  });
}
