// npm's socket.io on Bun and its own engine: bun server.mjs HOST:PORT
import { heapStats } from "bun:jsc";
import { Server as Engine } from "@socket.io/bun-engine";
import { Server } from "socket.io";
import { serve } from "../node/app.mjs";

const io = new Server();
const engine = new Engine({ path: "/socket.io/" });
io.bind(engine);
serve(io);

const [hostname, port] = process.argv[2].split(":");
const { fetch, ...options } = engine.handler();
Bun.serve({
  ...options,
  hostname,
  port: Number(port),
  fetch(req, server) {
    if (new URL(req.url).pathname !== "/gauge") {
      return fetch(req, server);
    }
    Bun.gc(true);
    return Response.json({ heap: heapStats().heapSize });
  },
});
console.log("listening");
