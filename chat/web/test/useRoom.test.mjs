// The hook in React's StrictMode, which mounts each component twice, in a small DOM.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Window } from "happy-dom";
import { startServer, until } from "./helpers.mjs";

const window = new Window();
globalThis.navigator ??= window.navigator;
Object.assign(globalThis, { window, document: window.document });
const { createElement: h, StrictMode, useEffect } = await import("react");
const { createRoot } = await import("react-dom/client");
const { renderToString } = await import("react-dom/server");
const { useRoom } = await import("roomcast-chat/react");

let server;
before(async () => (server = await startServer()));
after(async () => {
  await server.stop();
  await window.happyDOM.close();
});

/** A page of a room. It marks as read what it shows. */
function Page({ chat, id }) {
  const { messages, pending, live, unread, read } = useRoom(chat, id);
  useEffect(() => void read(), [messages, read]);
  return h("ul", { className: live ? "live" : "" }, [
    ...messages.map((m) => h("li", { key: m.cid }, m.text)),
    ...pending.map((p) => h("li", { key: p.cid, className: "pending" }, p.text)),
    h("b", { key: "unread" }, unread),
  ]);
}

const shown = (root) => [...root.querySelectorAll("li")].map((li) => li.textContent);

async function shows(what, is) {
  for (const end = Date.now() + 120_000; Date.now() < end; await sleep(20)) if (is()) return;
  assert.fail(`in vain: ${what}: ${document.body.innerHTML}`);
}

/** Counts the commands that a client sends. */
function sentBy(chat) {
  const sent = [];
  chat.socket.onAnyOutgoing((name) => sent.push(name));
  return sent;
}

test("StrictMode opens a room once, and closes it after the last component", async (t) => {
  const id = await server.room(["ann", "bob"], 1);
  const [ann, bob] = [await server.client(t, "ann"), await server.client(t, "bob")];
  const sent = sentBy(ann);
  const place = document.body.appendChild(document.createElement("div"));
  const root = createRoot(place);
  root.render(h(StrictMode, null, h(Page, { chat: ann, id })));
  await shows("the old message", () => place.querySelector("ul.live") && shown(place).length === 1);
  ann.room(id).post("mine");
  bob.room(id).post("his");
  await shows("three messages", () => shown(place).length === 3 && !place.querySelector(".pending"));
  assert.deepEqual(new Set(shown(place)), new Set(["old 1", "mine", "his"]));
  await shows("all is read", () => place.querySelector("b").textContent === "0");

  root.render(h(StrictMode, null, h(Page, { key: "another", chat: ann, id })));
  await sleep(1300);
  assert.deepEqual(sent.filter((name) => name === "open" || name === "close"), ["open"]);
  root.unmount();
  await shows("close", () => sent.includes("close"));
  assert.deepEqual(sent.filter((name) => name === "open" || name === "close"), ["open", "close"]);
});

test("a page that changes the room shows the other one", async (t) => {
  const [one, two] = [await server.room(["ann"], 1), await server.room(["ann"], 2)];
  const ann = await server.client(t, "ann");
  const place = document.body.appendChild(document.createElement("div"));
  const root = createRoot(place);
  t.after(() => root.unmount());
  root.render(h(StrictMode, null, h(Page, { chat: ann, id: one })));
  await shows("one message", () => shown(place).length === 1);
  root.render(h(StrictMode, null, h(Page, { chat: ann, id: two })));
  await shows("two messages", () => shown(place).length === 2);
  await until(ann.room(two), (v) => v.live);
});

test("a server renders the room without opening it", async (t) => {
  const ann = await server.client(t, "ann");
  const sent = sentBy(ann);
  assert.match(renderToString(h(Page, { chat: ann, id: "general" })), /<ul class=""><b>0<\/b><\/ul>/);
  await until(ann.room(await server.room(["ann"])), (v) => v.live);
  assert.deepEqual(sent, ["open"], "only the other room is opened");
});
