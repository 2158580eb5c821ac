// The page from Vite's dev server, talking to the chat server at another origin, with React's StrictMode at work.

import assert from "node:assert/strict";
import { describeInBrowser, drawPicture, launch, Person } from "./people.mjs";
import { freePort, startChat, startVite } from "./servers.mjs";

describeInBrowser("the page on the dev server", { timeout: 1_200_000 }, ({ after, before, it }) => {
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

  it("does cross-origin what the built page does, each message shown once", async () => {
    let chat = await startChat(chatPort, "-dev-origin", vite.url);
    const ada = await Person.arrive(browser, vite.url, "Ada");
    const bob = await Person.arrive(browser, vite.url, "Bob");
    const eve = await Person.arrive(browser, vite.url, "Eve");
    await ada.typesUntil(() => bob.page.getByText("Ada is typing").isVisible());
    await ada.say("Hello");
    await bob.hears("Hello");
    await bob.say("And hello");
    await ada.hears("And hello");
    await ada.chooseFile("dusk.png", "image/png", await drawPicture(browser, 320, 200));
    await ada.say("Dusk");
    await bob.pictures().waitFor();
    await bob.forward("Hello", "Eve");
    await eve.item(/Bob.*1/).click();
    await eve.hears("Forwarded, from Ada");
    await eve.say("Seen, thank you");
    await bob.item(/Eve.*1/).waitFor();

    await chat.kill();
    await ada.sees(/can't be reached/);
    await ada.say("Written offline");
    chat = await startChat(chatPort, "-dev-origin", vite.url);
    await bob.hears("Written offline");
    for (const person of [ada, bob]) {
      const texts = await person.log().locator(".text").allTextContents();
      assert.deepEqual(texts, ["Hello", "And hello", "Dusk", "Written offline"]);
    }
    await ada.screenshot("dev-server");
    for (const person of [ada, bob, eve]) await person.leave();
    await chat.kill();
  });

  it("is kept out by a server that doesn't allow its origin", async () => {
    const chat = await startChat(chatPort);
    const eve = await Person.arrive(browser, vite.url);
    await eve.ask("Eve");
    await eve.sees(/can't be reached/);
    await eve.screenshot("origin-refused");
    await eve.leave();
    await chat.kill();
  });
});
