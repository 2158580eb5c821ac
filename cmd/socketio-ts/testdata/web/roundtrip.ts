// Sends and receives a value of each type, as the generated events say.

import assert from "node:assert/strict";
import { io, type Socket } from "socket.io-client";
import type {
  AdminClientToServerEvents,
  AdminServerToClientEvents,
  ClientToServerEvents,
  Order,
  Reply,
  ServerToClientEvents,
} from "./events.js";

const url = process.argv[2];
const socket: Socket<ServerToClientEvents, ClientToServerEvents> = io(url);
const admin: Socket<AdminServerToClientEvents, AdminClientToServerEvents> = io(url + "/admin");

/** The value of a reply that is no failure. */
function value<T>(reply: Reply<T>): T {
  if (typeof reply === "object" && reply !== null && "error" in reply) throw new Error(reply.error);
  return reply as T;
}

/** The bytes of an attachment: a browser gets an ArrayBuffer, Node.js a Buffer. */
function bytesOf(data: ArrayBuffer | Uint8Array | null | undefined): number[] {
  return [...(data instanceof Uint8Array ? data : new Uint8Array(data ?? new ArrayBuffer(0)))];
}

const received = new Map<string, unknown[][]>();
socket.onAny((event: string, ...args: unknown[]) => {
  received.set(event, [...(received.get(event) ?? []), args]);
});
socket.on("sum", (first, second, ack) => ack(first + second));
socket.on("where", (who, ack) => ack(1.5, 2, "with " + who));
socket.on("pushed order", (order) => {
  const tags: string[] | null = order.tags;
  assert.equal(tags, null);
  assert.equal(order.counts, null);
  assert.equal(order.extra, undefined);
  assert.equal(order.maybe, undefined);
});
socket.on("pushed file", (file) => {
  assert.deepEqual(bytesOf(file.data), [1, 2]);
});
socket.on("told", (item) => assert.equal(item.title, "told"));

const order: Order = {
  id: 7,
  Note: "embedded",
  status: "open",
  level: 2,
  price: "12.5",
  tags: null,
  counts: { a: 1 },
  "by-status": { open: 3 },
  parent: null,
  maybe: true,
  at: "2026-01-02T03:04:05Z",
  took: 1500,
  raw: { kept: ["as", 1] },
  any: [true],
  pair: [0.5, 1.5],
  matrix: [[1], null],
  point: { X: 1, Y: 2 },
  code: 42,
  word: "word",
  item: { title: "inner" },
};
assert.deepEqual(value(await socket.emitWithAck("order", order)), order);
const parent = { ...order, parent: order, extra: ["x"] };
assert.deepEqual(value(await socket.emitWithAck("order", parent)), parent);

const bytes = new Uint8Array([1, 2, 3]);
const file = value(await socket.emitWithAck("file", { name: "f", data: bytes, parts: { one: bytes } }));
assert.deepEqual(bytesOf(file.data), [1, 2, 3]);
assert.deepEqual(bytesOf(file.parts?.one), [1, 2, 3]);
assert.deepEqual(bytesOf(value(await socket.emitWithAck("bytes", bytes))), [1, 2, 3]);

assert.deepEqual(value(await socket.emitWithAck("page", { items: [{ title: "a" }] })), { items: [{ title: "a" }] });
const tree = { a: { b: null }, c: {} };
assert.deepEqual(value(await socket.emitWithAck("tree", tree)), tree);
assert.deepEqual(value(await socket.emitWithAck("other item", { count: 1 })), { count: 1 });
assert.deepEqual(value(await socket.emitWithAck("odd", [1, "two"])), [1, "two"]);
assert.equal(value(await socket.emitWithAck("status", "closed")), "closed");

assert.equal(value(await socket.emitWithAck("nothing")), 7);
assert.equal(value(await socket.emitWithAck("maybe", 1)), true);
assert.equal(value(await socket.emitWithAck("maybe", null)), false);
assert.equal(value(await socket.emitWithAck("nil slice", false)), null);
assert.deepEqual(value(await socket.emitWithAck("nil slice", true)), []);
assert.deepEqual(await socket.emitWithAck("fails", "why"), { error: "refused", data: "why" });
assert.equal(value(await socket.timeout(60_000).emitWithAck("add", 2, 3)), 5);
assert.equal(await socket.emitWithAck("re-named", { title: "t" }), undefined);
const receipt = await new Promise<unknown[]>((resolve) =>
  socket.emit("direct", "ann", "hi", true, { any: 1 }, (item, urgent, extra) => resolve([value(item).title, urgent, extra])),
);
assert.deepEqual(receipt, ["ann: hi", true, { any: 1 }]);
assert.deepEqual(value(await socket.emitWithAck("direct", "bob", "hi", null, null)), { title: "bob: hi" });
assert.deepEqual(await socket.emitWithAck("direct", "", "hi", null, null), { error: "to whom?" });
assert.equal(await socket.emitWithAck("ignored"), undefined);
socket.emit("direct", "ann", "the last two may be missing");
socket.emit("twice", { title: "t", count: 1 });

assert.equal(value(await socket.emitWithAck("push")), 3);
assert.deepEqual([...received.keys()].sort(), [
  "computed",
  "pushed either",
  "pushed file",
  "pushed many",
  "pushed order",
  "sum",
  "told",
  "told all",
  "where",
]);
assert.deepEqual(received.get("pushed many"), [
  [1, "two", true],
  [1, "two"],
]);
assert.deepEqual(received.get("pushed either"), [[1], ["one"]]);
assert.deepEqual(received.get("told all"), [[3, "four"]]);
assert.deepEqual(received.get("computed"), [[1.5]]);

const shutting = new Promise((resolve) => admin.on("shutting", resolve));
admin.emit("shut");
assert.equal(await shutting, "now");

// What the types forbid.
// @ts-expect-error there is no such event
socket.emit("nonsense");
// @ts-expect-error a status is one of two
void (() => socket.emitWithAck("status", "ajar"));
// @ts-expect-error an argument is missing
socket.emit("direct", "ann");
// @ts-expect-error the server sends no such event
socket.on("shut", () => {});
// @ts-expect-error a field is missing
void (() => socket.emitWithAck("file", { name: "f" }));

socket.close();
admin.close();
console.log("every value came back");
