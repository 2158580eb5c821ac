import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Refused, upload } from "roomcast-chat";
import { Window } from "../dist/window.js";
import { opened, startServer, texts, until } from "./helpers.mjs";

describe("a chat", () => {
  let server;
  before(async () => (server = await startServer()));
  after(() => server.stop());

  /** Two users in a room of their own. */
  async function annAndBob(t, messages = 0) {
    const id = await server.room(["ann", "bob"], messages);
    const [ann, bob] = [await server.client(t, "ann"), await server.client(t, "bob")];
    return { id, ann, bob, hers: await opened(t, ann, id), his: await opened(t, bob, id) };
  }

  test("a post is a bubble first, which its message replaces", async (t) => {
    const { hers, his } = await annAndBob(t);
    const shown = []; // how often the text is on ann's page
    t.after(hers.subscribe(() => shown.push([...hers.snapshot().messages, ...hers.snapshot().pending].length)));
    const cid = hers.post("hello");
    assert.deepEqual([hers.snapshot().messages, hers.snapshot().pending.map((p) => p.text)], [[], ["hello"]]);
    const view = await until(hers, (v) => v.messages.length === 1);
    assert.deepEqual([view.messages[0].cid, view.messages[0].author, view.pending], [cid, "ann", []]);
    await until(his, (v) => v.messages[0]?.text === "hello");
    await hers.edit(view.messages[0], "done"); // the acknowledgement is there, too
    assert.deepEqual(new Set(shown), new Set([1]), "it was always there once");
  });

  test("a bubble stays until its message is there, though the acknowledgement is earlier", async (t) => {
    const { ann, hers } = await annAndBob(t);
    const [take] = ann.socket.listeners("changes");
    const held = [];
    ann.socket.off("changes", take);
    ann.socket.on("changes", (frame) => held.push(frame));
    hers.post("hello");
    const acknowledged = await until(hers, (v) => v.pending[0]?.seq || v.messages.length > 0 || v.pending.length === 0);
    assert.deepEqual([acknowledged.pending[0]?.seq, acknowledged.messages], [1, []]);
    while (held.length === 0) await sleep(20);
    for (const frame of held) take(frame);
    const view = await until(hers, (v) => v.pending.length === 0);
    assert.deepEqual(texts(view), ["hello"]);
  });

  test("an event about a reaction that arrives late changes nothing", () => {
    const window = new Window();
    for (const [on, rev, is] of [[true, 5, true], [false, 4, true], [false, 5, false], [true, 3, false], [true, 6, true]]) {
      window.reacted(1, "👍", on, rev);
      assert.equal(window.hasReacted(1, "👍"), is, `${on} at ${rev}`);
    }
  });

  test("edits, reactions and deletions are shown", async (t) => {
    const { hers, his } = await annAndBob(t, 1);
    const [m] = hers.snapshot().messages;
    await hers.edit(m, "new");
    await until(his, (v) => v.messages[0].text === "new");
    await assert.rejects(hers.edit(m, "newer"), (err) => err.data.code === "conflict" && err.data.message.text === "new");
    await his.react(1, "👍");
    const [liked] = (await until(hers, (v) => v.messages[0].reactions)).messages;
    assert.deepEqual([liked.text, liked.reactions], ["new", [{ e: "👍", n: 1, by: ["bob"] }]], "a short row keeps the text");
    await until(his, (v) => his.reacted(v.messages[0], "👍"));
    assert.equal(hers.reacted(liked, "👍"), false);
    await his.react(1, "👍", false);
    await until(his, (v) => !his.reacted(v.messages[0], "👍"));
    await hers.delete(1);
    assert.equal((await until(his, (v) => v.messages[0].deleted)).messages[0].text, undefined);
  });

  test("after a cut connection the room catches up, edits included", async (t) => {
    const { hers, his, bob } = await annAndBob(t, 2);
    bob.relay.cut();
    await until(his, (v) => !v.live);
    const resets = [];
    bob.socket.on("changes", (f) => resets.push(!!f.reset));
    await hers.edit(hers.snapshot().messages[0], "edited");
    for (let i = 0; i < 5; i++) hers.post(`post ${i}`);
    await until(hers, (v) => v.messages.length === 7 && v.pending.length === 0);
    assert.equal(his.snapshot().messages.length, 2);
    bob.relay.mend();
    const view = await until(his, (v) => v.live);
    assert.deepEqual(texts(view), ["edited", "old 2", "post 0", "post 1", "post 2", "post 3", "post 4"]);
    assert.deepEqual(resets, [false], "one frame that begins at the cursor");
  });

  test("a storage that fails or has something else keeps nothing back", async (t) => {
    const fail = () => {
      throw new DOMException("full", "QuotaExceededError");
    };
    const warn = console.warn;
    t.after(() => (console.warn = warn));
    console.warn = () => {};
    for (const storage of [
      { getItem: () => null, setItem: fail },
      { getItem: fail, setItem: fail },
      { getItem: () => "{", setItem: () => {} },
      { getItem: () => '[null, {"text": "x"}]', setItem: () => {} },
      { getItem: () => "null", setItem: () => {} },
    ]) {
      const id = await server.room(["ann"]);
      const room = await opened(t, await server.client(t, "ann", { storage }), id);
      room.post("one");
      room.post("two");
      assert.deepEqual(texts(await until(room, (v) => v.messages.length === 2 && v.pending.length === 0)), ["one", "two"]);
    }
  });

  test("posts wait for the connection, and come once and in order", async (t) => {
    const { id, ann, hers, his } = await annAndBob(t);
    const want = [];
    for (let round = 0; round < 4; round++) {
      const post = () => want.push(hers.post({ text: `post ${want.length}` }) && `post ${want.length}`);
      await ann.call("members", { room: id }); // its answer comes after those to the posts: none of them may be lost below
      ann.relay.deaf = true; // the server gets the post, the client no answer
      post();
      await until(his, (v) => v.messages.length === want.length);
      post();
      ann.relay.cut();
      await until(hers, (v) => !v.live);
      post();
      assert.equal(hers.snapshot().pending.length, 3);
      ann.relay.mend();
      await until(hers, (v) => v.live && v.pending.length === 0 && v.messages.length === want.length);
    }
    assert.deepEqual(texts(hers.snapshot()), want);
    assert.deepEqual(texts(await until(his, (v) => v.messages.length >= want.length)), want);
    assert.ok(ann.relay.connections > 4);
  });

  test("a refused post stays until it is tried again or given up", async (t) => {
    const { hers } = await annAndBob(t);
    const [spam, more] = [hers.post("spam"), hers.post("spam")];
    hers.post("hello");
    const view = await until(hers, (v) => v.messages.length === 1 && v.pending.length === 2 && v.pending.every((p) => p.error));
    assert.deepEqual([texts(view), view.pending.map((p) => p.error.text)], [["hello"], ["no spam, please", "no spam, please"]]);
    hers.retry(spam);
    assert.deepEqual(hers.snapshot().pending.map((p) => [p.cid, !!p.error]), [[more, true], [spam, false]]);
    await until(hers, (v) => v.pending[1]?.error);
    hers.discard(spam);
    hers.discard(more);
    assert.deepEqual(hers.snapshot().pending, []);
  });

  test("the outbox outlives the page", async (t) => {
    const id = await server.room(["ann"]);
    const kept = new Map();
    const storage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
    const first = await server.client(t, "ann", { storage });
    const room = await opened(t, first, id);
    first.relay.cut();
    await until(room, (v) => !v.live);
    room.post("one");
    room.post("two");
    first.close();
    const second = await server.client(t, "ann", { storage });
    second.room(id).post("three"); // before the server has answered for the first time
    const again = await opened(t, second, id);
    assert.deepEqual(texts(await until(again, (v) => v.messages.length === 3)), ["one", "two", "three"]);
    await until(again, (v) => v.pending.length === 0);
    assert.deepEqual([...kept.values()], ["[]"]);
  });

  test("another epoch brings the newest messages anew", async (t) => {
    const { hers, his, bob } = await annAndBob(t, 3);
    const resets = [];
    bob.socket.on("changes", (f) => f.reset && resets.push(f));
    server.newEpoch();
    while (resets.length === 0) await sleep(20);
    await until(his, (v) => v.live && v.messages.length === 3);
    await until(hers, (v) => v.live && v.messages.length === 3);
    hers.post("after");
    assert.deepEqual(texts(await until(his, (v) => v.messages.length === 4)), ["old 1", "old 2", "old 3", "after"]);
  });

  test("a file is uploaded, posted, and fetched by members", async (t) => {
    const { hers, his } = await annAndBob(t);
    const url = `http://127.0.0.1:${server.port}/files`;
    const as = (Authorization) => ({ headers: { Authorization } });
    const png = new File([Buffer.from("\x89PNG\r\n\x1a\n", "latin1")], "näh & co.png");
    const file = await upload(url, png, as("ann"));
    assert.deepEqual(file, { id: file.id, name: "näh & co.png", type: "image/png", size: 8 });
    hers.post({ files: [file] });
    assert.deepEqual(hers.snapshot().pending[0].files, [file], "the bubble shows it");
    const [m] = (await until(his, (v) => v.messages.length === 1)).messages;
    assert.deepEqual(m.files, [file]);
    await his.react(1, "👍");
    const [liked] = (await until(hers, (v) => v.messages[0]?.reactions)).messages;
    assert.deepEqual(liked.files, [file], "a short row keeps the files");
    const got = await fetch(`${url}/${file.id}`, as("bob"));
    assert.deepEqual([got.status, got.headers.get("content-type"), (await got.blob()).size], [200, "image/png", 8]);
    assert.equal((await fetch(`${url}/${file.id}`, as("stranger"))).status, 404);
    await assert.rejects(upload(url, new Blob(["x".repeat(100_001)]), as("ann")), (err) => err.data.code === "too_large" && err.data.limit === 100_000);
    await assert.rejects(upload(url, png), (err) => err instanceof Refused && err.data.code === "unauthenticated");
    assert.equal((await upload(url, new Blob(["x"]), as("ann"))).name, "file");
  });

  test("older messages are loaded page by page", async (t) => {
    const { hers, his } = await annAndBob(t, 130);
    assert.deepEqual([his.snapshot().messages.length, his.snapshot().messages[0].seq, his.snapshot().older], [50, 81, true]);
    await hers.react(20, "👍"); // below the window
    const twice = [his.loadOlder(), his.loadOlder()];
    await hers.react(60, "🎉"); // perhaps while the page is under way
    await Promise.all(twice);
    assert.deepEqual([his.snapshot().messages.length, his.snapshot().messages[0].seq], [100, 31]);
    await until(his, (v) => v.messages.find((m) => m.seq === 60).reactions?.[0].e === "🎉");
    await his.loadOlder();
    const view = his.snapshot();
    assert.deepEqual(texts(view), Array.from({ length: 130 }, (_, i) => `old ${i + 1}`));
    assert.deepEqual([view.older, view.messages[19].reactions[0].e], [false, "👍"]);
    await his.loadOlder(); // nothing
  });

  test("messages that the room does not keep go, on an open page and on one that comes back", async (t) => {
    const { hers, his, bob, id } = await annAndBob(t, 80);
    bob.relay.cut();
    await until(his, (v) => !v.live);
    const page = hers.loadOlder(); // it may be older than the floor
    await server.keep(id, 20);
    await page;
    const kept = Array.from({ length: 20 }, (_, i) => `old ${i + 61}`);
    assert.deepEqual(texts(await until(hers, (v) => v.messages.length === 20)), kept);
    assert.equal(hers.snapshot().older, false);
    bob.relay.mend();
    assert.deepEqual(texts(await until(his, (v) => v.live)), kept);
    assert.equal(his.snapshot().older, false);
  });

  test("a search finds messages of a room, and of all rooms, page by page", async (t) => {
    const { ann, hers, id } = await annAndBob(t, 30);
    const other = await server.room(["ann"], 3);
    const found = ({ messages }) => messages.map((m) => `${m.room} ${m.text}`);
    assert.deepEqual(found(await ann.search("old 7", { room: id })), [`${id} old 7`]);
    const all = found(await ann.search('"old 2"')); // also in the rooms of other tests
    assert.deepEqual(all.slice(0, 2).sort(), [`${id} old 2`, `${other} old 2`].sort());
    const first = await ann.search("old", { room: id });
    const rest = await ann.search("old", { room: id, after: first.after, limit: 100 });
    assert.deepEqual([...first.messages, ...rest.messages].map((m) => m.seq), Array.from({ length: 30 }, (_, i) => 30 - i));
    assert.deepEqual([first.messages.length, rest.after], [20, undefined]);
    await hers.delete(7);
    assert.deepEqual(found(await ann.search("old 7", { room: id })), []); // waits for its turn
    await assert.rejects(ann.search("old", { room: "missing" }), (err) => err.data.code === "not_found");
  });

  test("read markers move on all devices, and back", async (t) => {
    const { hers, his, id } = await annAndBob(t, 5);
    const other = await opened(t, await server.client(t, "bob"), id);
    await his.markUnread(1);
    await until(other, (v) => v.unread === 5);
    await his.read(2);
    await until(other, (v) => v.readTo === 2 && v.unread === 3);
    await until(hers, (v) => v.receipts.bob === 2);
    await other.read();
    await until(his, (v) => v.unread === 0);
    hers.post("six");
    await until(his, (v) => v.unread === 1);
    await his.markUnread(4);
    assert.deepEqual([his.snapshot().readTo, his.snapshot().unread], [3, 3]);
    await until(other, (v) => v.readTo === 3);
  });

  test("a room that was made anew has other markers", async (t) => {
    const { his, id } = await annAndBob(t, 5);
    await his.read();
    await his.markUnread(3);
    await server.room(["ann", "bob"], 2, id);
    await until(his, (v) => v.live && v.messages.length === 2 && v.unread === 2);
    await his.read();
    const other = await opened(t, await server.client(t, "bob"), id);
    assert.equal((await until(other, (v) => v.live)).unread, 0);
    assert.equal(his.snapshot().unread, 0);
  });

  test("a room that is opened late knows what was read", async (t) => {
    const { hers, his, id } = await annAndBob(t, 5);
    await his.markUnread(1);
    await his.read(2);
    await until(hers, (v) => v.receipts.bob === 2);
    const other = await server.client(t, "bob");
    await other.call("members", { room: id }); // it is ready
    const { readTo, unread } = (await opened(t, other, id)).snapshot();
    assert.deepEqual([readTo, unread], [2, 3]);
  });

  test("typing is shown until the message is there", async (t) => {
    const { hers, his } = await annAndBob(t);
    const keys = setInterval(hers.type, 100); // to a connection that is busy, the sign of it may be dropped
    t.after(() => clearInterval(keys));
    await until(his, (v) => v.typing.includes("ann"));
    clearInterval(keys);
    hers.post("typed");
    assert.deepEqual((await until(his, (v) => v.messages.length === 1)).typing, []);
  });

  test("a room that is unknown, or foreign, says why", async (t) => {
    const id = await server.room(["ann"]);
    const room = (await server.client(t, "bob")).room(id);
    t.after(room.subscribe(() => {}));
    assert.equal((await until(room, (v) => v.error)).error, "not_found");
  });

  test("a room is closed some time after the last subscriber has gone, and catches up when it is opened again", async (t) => {
    const { hers, bob, id } = await annAndBob(t);
    const his = bob.room(id);
    const other = (await server.client(t, "bob")).room(id);
    const end = other.subscribe(() => {});
    await until(other, (v) => v.live);
    end();
    await sleep(1200);
    assert.equal(other.snapshot().live, false);
    hers.post("meanwhile");
    await until(his, (v) => v.messages.length === 1);
    assert.deepEqual(texts(other.snapshot()), []);
    t.after(other.subscribe(() => {}));
    assert.deepEqual(texts(await until(other, (v) => v.live)), ["meanwhile"]);
  });
});
