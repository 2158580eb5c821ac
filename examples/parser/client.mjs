import { io } from "socket.io-client";
import * as parser from "./cbor.mjs";

const [url = "http://localhost:3000", transport = "websocket"] = process.argv.slice(2);
const socket = io(url, { parser, transports: [transport] });
socket.on("connect_error", (err) => console.error(err.message));
socket.on("postponed", (id) => console.log("postponed", id));

const event = { id: 9007199254740993n, at: new Date("2026-02-28T12:00:00.250Z"), seal: Uint8Array.of(1, 2, 3) };
console.log(await socket.emitWithAck("postpone", event));
socket.close();
