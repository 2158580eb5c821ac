// The application of app_test.go on npm's socket.io: what the scenarios hold of both is Socket.IO's behaviour, not ours.
// Prints its address when it listens; PORT chooses the port, PARSER the package of another parser, DEFLATE compression,
// RECOVERY connection state recovery; OPTIONS has others of the server's options, in JSON.
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
const parser = process.env.PARSER ? { parser: (await import(process.env.PARSER)).default } : {};
const perMessageDeflate = process.env.DEFLATE ? { threshold: 1 } : false;
const recovery = process.env.RECOVERY ? { connectionStateRecovery: { skipMiddlewares: false } } : {};
const others = JSON.parse(process.env.OPTIONS ?? "{}");
const options = { pingInterval: 300, pingTimeout: 30_000, allowEIO3: true, perMessageDeflate, ...parser, ...recovery, ...others };
const io = new Server(http, options);

const refusal = (message, data) => Object.assign(new Error(message), { data });

io.of("/admin").use((socket, next) => {
  const { token } = socket.handshake.auth;
  if (token === undefined) return next(refusal("token missing"));
  if (token !== "s3cret") return next(refusal("not authorized", { code: 401, hint: "ask Zoë for a token" }));
  next();
});
io.of("/admin").on("connection", (socket) => {
  socket.emit("welcome", { name: socket.handshake.auth.name });
});

io.of(/^\/room-\d+$/).on("connection", (socket) => socket.emit("welcome", socket.nsp.name));
const club = io.of((name, auth, next) => next(null, name.startsWith("/club-") && auth?.key === "open sesame"));

function echo(event) {
  return (socket) =>
    socket.on(event, (...args) => {
      if (typeof args.at(-1) === "function") args.pop()(...args);
      else socket.emit(event, ...args);
    });
}
for (const namespace of ["/", "/admin", "/news", "/games"]) io.of(namespace).on("connection", echo("echo"));
club.on("connection", echo("echo"));
io.on("connection", echo("größe→🎉"));
io.on("connection", echo("forward"));

// The Go server acknowledges a handled event by itself.
const done = (ack) => ack?.();

io.on("connection", (socket) => {
  const notes = [];
  socket.on("note", (number, ack) => {
    notes.push(number);
    done(ack);
  });
  socket.on("notes", (ack) => ack(notes));
  socket.on("silence", () => {});

  socket.on("upload", ({ name, parts }, ack) => {
    const sizes = Object.fromEntries(parts.map(({ type, body }) => [type, body.length]));
    ack({ name, sizes, whole: Buffer.concat(parts.map(({ body }) => body)) });
  });
  socket.on("measure", (text) => socket.emit("measured", Buffer.byteLength(text)));
  socket.on("repeat", (n) => socket.emit("repeated", "again ".repeat(n)));
  socket.on("repeat plainly", (n) => socket.compress(false).emit("repeated", "again ".repeat(n)));
  socket.on("flood", (n) => {
    for (let i = 0; i < n; i++) socket.emit("tick", i);
  });

  socket.on("call-me", async ({ question, withinMs = 60_000 }, ack) => {
    try {
      ack({ answer: await socket.timeout(withinMs).emitWithAck("question", question) });
    } catch {
      ack({ unanswered: true });
    }
  });
  socket.on("ask-room", ({ room, question, withinMs }, ack) => {
    io.to(room).timeout(withinMs).emit("question", question, (missing, answers) => {
      ack({ answers, missing: Boolean(missing) });
    });
  });

  socket.on("join", (room, ack) => {
    socket.join(room);
    done(ack);
  });
  socket.on("leave", (room, ack) => {
    socket.leave(room);
    done(ack);
  });
  socket.on("members", async (room, ack) => ack((await io.in(room).fetchSockets()).length));
  socket.on("post", ({ rooms = [], except = [], body }, ack) => {
    socket.broadcast.to(rooms).except(except).emit("post", body);
    done(ack);
  });
  socket.on("announce", ({ rooms = [], except = [], body }, ack) => {
    io.to(rooms).except(except).emit("announcement", body);
    done(ack);
  });

  socket.on("nudge", (ack) => {
    socket.volatile.emit("nudge");
    done(ack);
  });
  socket.on("play", ({ frames, bytes }, ack) => {
    const body = "x".repeat(bytes);
    for (let i = 0; i < frames; i++) socket.volatile.emit("frame", i, body);
    io.to(`watch ${socket.id}`).emit("played");
    ack(frames);
  });

  socket.on("whoami", (ack) => {
    const { headers, query, auth, url, address, issued, secure, xdomain } = socket.handshake;
    ack({
      id: socket.id,
      rooms: [...socket.rooms].sort(),
      trace: headers["x-trace"],
      query,
      auth,
      url,
      address,
      time: issued,
      secure,
      crossDomain: xdomain,
    });
  });

  socket.on("leave-me", () => socket.disconnect());
  socket.on("drop", () => socket.disconnect(true));
  socket.on("sever", () => socket.conn.close());
  const tell = (event) => (reason) =>
    io.to(`watch ${socket.id}`).emit(event, { id: socket.id, reason, rooms: [...socket.rooms].sort() });
  socket.on("disconnecting", tell("leaving"));
  socket.on("disconnect", tell("left"));
});

http.listen(process.env.PORT ?? 0, "127.0.0.1", () => console.log(`http://127.0.0.1:${http.address().port}`));
