// Follows docs/tutorial.md step by step, and looks whether each step does what the page says.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { chromium } from "playwright-core";
import { io } from "socket.io-client";
import { Reader, stepsOf, until } from "./page.mjs";

const steps = stepsOf(readFileSync(new URL("../tutorial.md", import.meta.url), "utf8"));
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const absent =
  (!existsSync(executablePath) &&
    `no Chromium at ${executablePath}: install it (Debian: apt-get install chromium) or name one in CHROMIUM`) ||
  (spawnSync("curl", ["--version"]).error && "no curl: install it (Debian: apt-get install curl)");
const skip = process.env.CI !== "true" && absent;

/** What a step of the page promises. */
const promises = {
  "1. The server": async (reader) => {
    assert.match(reader.output, /^0\{"sid":".*"upgrades":\["websocket"\]/m);
    const origin = new URL(reader.page).origin;
    const polling = `http://localhost:${reader.relay.port}/socket.io/?EIO=4&transport=polling`;
    for (const method of ["GET", "POST"]) {
      const headers = { Origin: origin, "Access-Control-Request-Method": method };
      const answer = await fetch(polling, { method: "OPTIONS", headers });
      assert.equal(answer.headers.get("Access-Control-Allow-Origin"), origin);
      assert.equal(answer.headers.get("Access-Control-Allow-Methods"), method);
    }
    const stranger = await fetch(polling, { headers: { Origin: "http://localhost:1" } });
    assert.equal(stranger.status, 403);
    await reader.server.logs(/origin refused .*to allow it, add .*localhost:1/);

    const socket = io(`http://localhost:${reader.relay.port}`);
    await new Promise((connected) => socket.on("connect", connected));
    await reader.server.logs(new RegExp(` connected socket=${socket.id}`));
    socket.disconnect();
    await reader.server.logs(/ disconnected socket=.* reason="client namespace disconnect"/);
  },

  "2. The page": async (reader) => {
    const ann = await arrive();
    await ann.sees("You are online.");
    await reader.server.logs(/ connected /);
    await reader.server.stop("SIGINT");
    await ann.sees("Connecting…");
    await reader.restartServer();
    await ann.sees("You are online."); // by itself
  },

  "3. A form that emits": async (reader) => {
    const ann = await arrive();
    await ann.says("hello");
    await reader.server.logs(/ message from=\S+ text=hello/);
    assert.equal(reader.server.log.match(/text=hello/g).length, 1);

    const clumsy = io(`http://localhost:${reader.server.port}`);
    clumsy.emit("message", { text: "no text" });
    await reader.server.logs(/ a client has sent invalid arguments .*cannot unmarshal object .*type string/);
    clumsy.emit("mesage", "a typo");
    await reader.server.logs(/ no handler for an event .*mesage/);
    clumsy.disconnect();
  },

  "4. To everybody": async () => {
    const [ann, bob] = [await arrive(), await arrive()];
    await bob.sees("You are online.");
    await ann.says("hello");
    for (const person of [ann, bob]) await person.hears(/: hello$/);
  },

  "5. To one user, on all tabs": async () => {
    const ann = await arrive("?user=ann");
    const tab = await ann.secondTab("?user=ann");
    const [bob, eve] = [await arrive("?user=bob"), await arrive("?user=eve")];
    for (const person of [ann, tab, bob, eve]) await person.sees("You are online.");
    await bob.says("psst", "ann");
    for (const person of [ann, tab, bob]) await person.hears("bob: psst");
    await bob.says("and now all");
    await eve.hears("bob: and now all");
    await eve.never("bob: psst"); // events arrive in order
  },

  "6. Forward": async () => {
    const [ann, bob] = [await arrive("?user=ann"), await arrive("?user=bob")];
    for (const person of [ann, bob]) await person.sees("You are online.");
    let text = "";
    await until(async () => { // volatile events may be lost, as while the connection is upgraded
      await bob.field("Message").fill((text += "h"));
      return ann.page.getByText("bob is typing…").isVisible();
    }, () => "Ann does not see that Bob is typing");
    await bob.says("hello");
    await bob.hears("bob: hello");
    assert.equal(await bob.page.getByText("is typing").count(), 0);
    await ann.page.getByText("is typing").waitFor({ state: "detached" });
  },

  "7. Rooms": async () => {
    const [ann, bob, eve] = [await arrive("?user=ann"), await arrive("?user=bob"), await arrive("?user=eve")];
    for (const person of [ann, bob, eve]) await person.sees("You are online.");
    await until(async () => { // Ann is online before she is in the lobby
      await eve.says("to the lobby");
      return ann.page.getByText("eve (lobby): to the lobby").first().isVisible();
    }, () => "Ann does not hear Eve in the lobby");
    for (const person of [ann, bob]) await person.enters("books");
    await until(async () => {
      await ann.says("to the readers");
      return bob.page.getByText("ann (books): to the readers").first().isVisible();
    }, () => "Bob does not hear Ann in their room");
    await ann.says("alone", "eve");
    await eve.hears("ann (private): alone");
    await eve.never("ann (books): to the readers");
    await eve.says("still the lobby");
    await eve.hears("eve (lobby): still the lobby");
    await ann.says("done", "ann");
    await ann.hears("ann (private): done");
    await ann.never("eve (lobby): still the lobby");
  },

  "8. Users with names": async () => {
    const ann = await arrive();
    await ann.signsIn("  ");
    await ann.sees("A name has 1 to 20 letters.");
    await ann.signsIn("Ann");
    const bob = await arrive();
    await bob.signsIn("Bob");
    for (const person of [ann, bob]) await person.sees("Here: Ann, Bob");
    const tab = await ann.secondTab();
    await tab.sees("Here: Ann, Bob");
    await bob.says("psst", "Ann");
    for (const person of [ann, tab]) await person.hears("Bob (private): psst");
    await ann.page.close();
    await bob.says("still here?", "Ann");
    await tab.hears("Bob (private): still here?");
    await bob.sees("Here: Ann, Bob");
    await tab.page.getByRole("button", { name: "Sign out Ann" }).click();
    await tab.field("Your name").waitFor();
    await bob.sees("Here: Bob");
  },

  "9. Acknowledgements": async () => {
    const ann = await arrive();
    await ann.signsIn("Ann");
    await ann.sees("with 0 others");
    await ann.saysNothing(); // she is in the lobby when that is refused
    const bob = await arrive();
    await bob.signsIn("Bob");
    await bob.sees("with 1 others");
    await bob.sees("Here: Ann, Bob");
    assert.equal(await ann.field("Message").inputValue(), " ");
    await ann.says("hello");
    await ann.sees(/^Sent at \d/);
    assert.equal(await ann.field("Message").inputValue(), "");
    for (const person of [ann, bob]) await person.hears("Ann (lobby): hello");
  },

  "10. Reconnection": async (reader) => {
    const ann = await arrive();
    await ann.signsIn("Ann");
    await ann.sees("Here: Ann");
    const bob = await signedIn(reader, "Bob"); // not by the relay
    await until(async () => (await bob.emitWithAck("join", "lobby")) === 2, () => "Ann is not in the lobby");
    await bob.emitWithAck("message", { room: "lobby", text: "one" });
    await ann.hears("Bob (lobby): one");
    reader.relay.cut();
    await ann.sees("The connection is lost.");
    await bob.emitWithAck("message", { room: "lobby", text: "two" });
    reader.relay.mend();
    await ann.hears("Bob (lobby): two"); // missed, and recovered
    bob.disconnect();

    let n = 1;
    for (; ; n++) {
      await reader.server.stop("SIGINT");
      await ann.sees("The connection is lost.");
      await ann.says(`three, ${n}`);
      await reader.restartServer();
      await ann.sees(/^Sent at|^The server does not answer/);
      if (await ann.page.getByText(/^Sent at/).isVisible()) break;
      assert.ok(n < 20, "the page does not come back within five seconds");
      await ann.sees("You are online."); // a slow machine: once more
    }
    await ann.hears(`Ann (lobby): three, ${n}`);
    const eve = await signedIn(reader, "Eve");
    await until(async () => (await eve.emitWithAck("join", "lobby")) === 2, () => "Ann has not joined again");
    await eve.emitWithAck("message", { room: "lobby", text: "four" });
    await ann.hears("Eve (lobby): four");
    eve.disconnect();

    await reader.server.stop("SIGINT");
    await ann.says("five");
    await ann.sees("The server does not answer. Try again.");
    await reader.restartServer();
    await ann.sees("You are online.");
    await ann.says("six");
    await ann.hears("Ann (lobby): six");
    await ann.never("Ann (lobby): five");
  },

  "11. Deployment": async (reader) => {
    const url = `http://localhost:${reader.server.port}/`;
    const [ann, bob] = [await arrive("", url), await arrive("", url)];
    await ann.signsIn("Ann");
    await bob.signsIn("Bob");
    await ann.sees("Here: Ann, Bob");
    await bob.saysNothing(); // he is in the lobby when that is refused
    await ann.says("hello");
    await bob.hears("Ann (lobby): hello");
    assert.equal(await reader.server.stop("SIGTERM"), 0);
    await ann.sees("The connection is lost.");
  },
};

let browser;
let people = [];

class Person {
  constructor(page, url) {
    Object.assign(this, { page, url });
    page.setDefaultTimeout(300_000);
    people.push(this);
  }

  async secondTab(query = "") {
    const tab = new Person(await this.page.context().newPage(), this.url);
    await tab.page.goto(this.url + query);
    return tab;
  }

  field = (name) => this.page.getByRole("textbox", { name, exact: true });
  sees = (text) => this.page.getByText(text).first().waitFor();

  async says(text, to) {
    if (to !== undefined || (await this.field("To").count())) await this.field("To").fill(to ?? "");
    await this.field("Message").fill(text);
    await this.field("Message").press("Enter");
  }

  async saysNothing() {
    await this.says(" ");
    await this.sees("A message has 1 to 1000 letters.");
  }

  async enters(room) {
    await this.field("Room").fill(room);
    await this.page.getByRole("button", { name: "Go" }).click();
    await this.sees(`You are in the room ${room}`);
  }

  async signsIn(name) {
    await this.field("Your name").fill(name);
    await this.page.getByRole("button", { name: "Sign in" }).click();
  }

  /** Sees a message, once. */
  async hears(text) {
    await this.page.getByRole("listitem").getByText(text).first().waitFor();
    assert.equal(await this.page.getByRole("listitem").getByText(text).count(), 1, `messages of ${text}`);
  }

  async never(text) {
    assert.equal(await this.page.getByText(text).count(), 0, `${text} is seen`);
  }
}

let home;

async function arrive(query = "", url = home) {
  const context = await browser.newContext();
  const person = new Person(await context.newPage(), url);
  await person.page.goto(url + query);
  return person;
}

async function signedIn(reader, user) {
  const socket = io(`http://localhost:${reader.server.port}`, { auth: { user }, transports: ["websocket"] });
  await new Promise((connected) => socket.on("connect", connected));
  return socket;
}

describe("the tutorial", { timeout: 1_200_000 }, () => {
  const reader = new Reader();

  before(async () => {
    if (skip) return;
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-background-networking"] });
    await reader.begin();
    home = reader.page;
  });

  after(async () => {
    await browser?.close();
    await reader.end();
  });

  it("has these steps", () => assert.deepEqual(steps.map(({ title }) => title), Object.keys(promises)));

  let broken; // later steps build on this one
  for (const step of steps) {
    it(step.title, { skip }, async (t) => {
      if (broken) return t.skip(`step ${broken} has failed`);
      broken = step.title;
      await reader.follow(step);
      await promises[step.title](reader);
      for (const { page } of people.splice(0)) await page.context().close();
      broken = undefined;
    });
  }
});
