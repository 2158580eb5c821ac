// The page from Vite's dev server, talking to the chat server at another origin, with React's StrictMode at work.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { launch, Person } from "./people.mjs";
import { freePort, startChat, startVite } from "./servers.mjs";

describe("the page on the dev server", { timeout: 120_000 }, () => {
  let browser, vite, chatPort;

  before(async () => {
    browser = await launch();
    chatPort = await freePort();
    vite = await startVite(await freePort(), chatPort);
  });
  after(async () => {
    await browser.close();
    await vite.kill();
  });

  it("exchanges messages cross-origin, each shown once", async () => {
    const chat = await startChat(chatPort, "-dev-origin", vite.url);
    const ada = await Person.arrive(browser, vite.url, "Ada");
    const bob = await Person.arrive(browser, vite.url, "Bob");
    await ada.say("Hello");
    await bob.hears("Hello");
    await bob.say("And hello");
    await ada.hears("And hello");
    for (const person of [ada, bob]) {
      assert.deepEqual(await person.log().locator(".text").allTextContents(), ["Hello", "And hello"]);
    }
    await ada.screenshot("dev-server");
    await ada.leave();
    await bob.leave();
    await chat.kill();
  });

  it("is kept out by a server that doesn't allow its origin", async () => {
    const chat = await startChat(chatPort);
    const eve = await Person.arrive(browser, vite.url);
    await eve.ask("Eve");
    await eve.sees(/Offline: .*error/);
    await eve.screenshot("origin-refused");
    await eve.leave();
    await chat.kill();
  });
});
