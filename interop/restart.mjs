// Clients that store one number after the other while the server they talk to shuts down and another takes over.
// Prints how many numbers each has been told are stored.
import assert from "node:assert/strict";
import { io } from "socket.io-client";

const url = process.env.URL;
const modes = [{ transports: ["polling"] }, { transports: ["websocket"] }, {}];
const clients = Number(process.env.CLIENTS);

async function commute(client) {
  const socket = io(url, {
    ...modes[client % modes.length],
    forceNew: true,
    reconnectionDelay: 10,
    reconnectionDelayMax: 100,
    retries: 20,
    ackTimeout: 60_000,
  });
  const reasons = [];
  socket.on("disconnect", (reason) => reasons.push(reason));
  let stored = 0;
  for (let there = 0; there < 5; ) {
    const server = await socket.emitWithAck("store", `${client}/${stored}`);
    stored++;
    if (server === 2) there++;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.deepEqual(reasons, ["transport close"]); // upon which it has reconnected by itself
  socket.disconnect();
  return stored;
}

console.log(JSON.stringify(await Promise.all(Array.from({ length: clients }, (_, client) => commute(client)))));
