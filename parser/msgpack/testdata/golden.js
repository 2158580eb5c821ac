// Writes golden.txt, what socket.io-msgpack-parser sends for the packets of golden_test.go:
//
//	npm install --no-save socket.io-msgpack-parser@3.0.2 && node golden.js > golden.txt
//
// Packets that Go is to encode to the same bytes are decoded here again, to be sure that JavaScript reads what it wrote.
"use strict";
const assert = require("node:assert");
const { Encoder, Decoder } = require("socket.io-msgpack-parser");

const members = (n) => Object.fromEntries(Array.from({ length: n }, (_, i) => ["k" + String(i).padStart(2, "0"), i]));
const event = (...args) => ({ type: 2, data: ["a", ...args], nsp: "/" });

const both = {
  "CONNECT": { type: 0, nsp: "/" },
  "CONNECT with payload": { type: 0, data: { token: "abc" }, nsp: "/admin" },
  "DISCONNECT": { type: 1, nsp: "/admin" },
  "CONNECT_ERROR": { type: 4, data: { message: "Not authorized" }, nsp: "/" },
  "CONNECT_ERROR with a string": { type: 4, data: "no", nsp: "/" },
  "EVENT": { type: 2, data: ["message", 1, "2", { 3: [true, false, null] }], nsp: "/" },
  "EVENT with id": { type: 2, data: ["a"], nsp: "/admin?x=1,2", id: 456 },
  "ACK": { type: 3, data: [], nsp: "/", id: 0 },
  "ACK with values": { type: 3, data: [null, { a: [] }], nsp: "/", id: Number.MAX_SAFE_INTEGER },
  "natural numbers": event(0, 127, 128, 255, 256, 65535, 65536, 4294967295, 4294967296, Number.MAX_SAFE_INTEGER),
  "negative numbers": event(-1, -32, -33, -128, -129, -32768, -32769, -2147483648, -2147483649, Number.MIN_SAFE_INTEGER),
  "fractions": event(0.5, -1.25, Number.MIN_VALUE, 3.141592653589793),
  "text": event("", "é🎉\u2028\"\\\n\0", "x".repeat(31), "x".repeat(32), "x".repeat(255), "x".repeat(256)),
  "binary": event(Buffer.of(1, 2, 3), { data: [Buffer.alloc(0), Buffer.alloc(256, 7)] }),
  "arrays": event(new Array(15).fill(1), new Array(16).fill(1)),
  "objects": event({}, members(15), members(16)),
  "placeholder of one's own": event(Buffer.of(1), { _placeholder: true, num: 7 }),
};

const fromJavaScript = {
  "client's options": { ...event(1), options: { compress: true } },
  "missing fields": { type: 0, data: undefined, nsp: "/", id: undefined },
  "undefined": event(undefined, { a: undefined, b: 1 }, [undefined]),
  "integers beyond 2^53": event(2 ** 60, -(2 ** 60), -(2 ** 63), 2 ** 63),
  "dates": event(new Date(0), new Date("2024-02-29T12:34:56.789Z"), new Date(-1), new Date("+012345-01-01T00:00:00Z"), new Date("-000001-01-01T00:00:00Z")),
  "ArrayBuffer": event(new ArrayBuffer(1), new Uint8Array([1, 2, 3]), new Uint16Array([258]), new Uint8Array(256)),
  "not finite": event(NaN, Infinity, -Infinity, { a: NaN }),
};

const encode = (packet) => {
  const [message, ...more] = new Encoder().encode(packet);
  assert.deepStrictEqual(more, []);
  return message;
};

for (const [name, packet] of Object.entries(both)) {
  const message = encode(packet);
  new Decoder().on("decoded", (decoded) => assert.deepStrictEqual(decoded, packet)).add(message);
  console.log(`${name}: ${message.toString("hex")}`);
}
for (const [name, packet] of Object.entries(fromJavaScript)) {
  console.log(`${name}: ${encode(packet).toString("hex")}`);
}
