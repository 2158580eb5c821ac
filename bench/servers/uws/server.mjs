// npm's socket.io on uWebSockets.js: node --expose-gc server.mjs HOST:PORT
import { createRequire } from "node:module";
import { Server } from "socket.io";
import { serve } from "../node/app.mjs";

const { App } = createRequire(import.meta.url)("@trufflesuite/uws-js-unofficial");

const app = App();
const io = new Server();
io.attachApp(app);
serve(io);

app.get("/gauge", (res) => {
  globalThis.gc();
  res.end(JSON.stringify({ heap: process.memoryUsage().heapUsed }));
});
const [host, port] = process.argv[2].split(":");
app.listen(host, Number(port), (listening) => console.log(listening ? "listening" : "cannot listen"));
