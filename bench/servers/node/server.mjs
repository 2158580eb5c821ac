// The benchmark's application on npm's socket.io: node --expose-gc server.mjs HOST:PORT [eiows]
import { createServer } from "node:http";
import { Server } from "socket.io";

const [address, engine] = process.argv.slice(2);
const options = {};
if (engine === "eiows") {
  options.wsEngine = (await import("eiows")).eiows.Server;
}

const http = createServer((req, res) => {
  globalThis.gc();
  res.end(JSON.stringify({ heap: process.memoryUsage().heapUsed }));
});
const io = new Server(http, options);

io.on("connection", (socket) => {
  socket.on("echo", (text) => socket.emit("echo", text));
  socket.on("ack", (text, reply) => reply(text));
  socket.on("binary", (data) => socket.emit("binary", data));
  socket.on("bcast", (text) => io.emit("bcast", text));
  socket.on("join", (room) => socket.join(room));
  socket.on("leave", (room) => socket.leave(room));
  socket.on("room", ({ room, text }) => io.to(room).emit("room", text));
});

const [host, port] = address.split(":");
http.listen({ host, port: Number(port), backlog: 4096 }, () => console.log("listening"));
