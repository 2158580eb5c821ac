// npm's socket.io on Node.js: node --expose-gc server.mjs HOST:PORT [eiows]
import { createServer } from "node:http";
import { Server } from "socket.io";
import { serve } from "./app.mjs";

const [address, engine] = process.argv.slice(2);
const options = {};
if (engine === "eiows") {
  options.wsEngine = (await import("eiows")).eiows.Server;
}

const http = createServer((req, res) => {
  globalThis.gc();
  res.end(JSON.stringify({ heap: process.memoryUsage().heapUsed }));
});
serve(new Server(http, options));

const [host, port] = address.split(":");
http.listen({ host, port: Number(port), backlog: 4096 }, () => console.log("listening"));
