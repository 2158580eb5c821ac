// The benchmark's application, on any socket.io of npm's.
export function serve(io) {
  io.on("connection", (socket) => {
    socket.on("echo", (text) => socket.emit("echo", text));
    socket.on("ack", (text, reply) => reply(text));
    socket.on("binary", (data) => socket.emit("binary", data));
    socket.on("bcast", (text) => io.emit("bcast", text));
    socket.on("join", (room) => socket.join(room));
    socket.on("leave", (room) => socket.leave(room));
    socket.on("room", ({ room, text }) => io.to(room).emit("room", text));
  });
}
