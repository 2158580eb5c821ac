// What a visitor expects of a page for writing and reading, besides that messages arrive.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Bot } from "./bot.mjs";
import { describeInBrowser, drawGears, drawNoise, launch, Person } from "./people.mjs";
import { freePort, startChat } from "./servers.mjs";

describeInBrowser("the page", { timeout: 1_200_000 }, ({ after, afterEach, before, beforeEach, it }) => {
  let browser, chat, ada, bob;

  before(async () => {
    browser = await launch();
  });
  after(() => browser.close());

  beforeEach(async () => {
    chat = await startChat(await freePort());
    bob = await Bot.arrive(chat.url, "Bob", "books");
    ada = await Person.arrive(browser, chat.url, "Ada");
  });
  afterEach(async () => {
    await chat.kill();
    bob.leave();
    await ada.leave();
  });

  /** The HTML of a message, without what is the same in all. */
  async function shown(text) {
    await bob.say(text);
    const next = `after message ${bob.messages}`;
    await bob.say(next);
    await ada.hears(next);
    const html = await ada.log().locator(".text").nth(-2).innerHTML();
    return html.replaceAll(' target="_blank" rel="noopener noreferrer"', "");
  }

  it("makes links of web addresses and of nothing else", async () => {
    const rlo = "\u202e"; // turns the direction of writing, to make an address look like another
    const link = (address) => `<a href="${address}">${address}</a>`;
    for (const [text, html] of [
      ["see https://example.org/a?b=c#d.", `see ${link("https://example.org/a?b=c#d")}.`],
      ["(http://example.org/wiki/Go_(game))", `(${link("http://example.org/wiki/Go_(game)")})`],
      ["HTTPS://EXAMPLE.ORG!", `${link("HTTPS://EXAMPLE.ORG")}!`],
      ["javascript:alert(1) data:text/html,x ftp://example.org", "javascript:alert(1) data:text/html,x ftp://example.org"],
      ["https:// and https://[ are none", "https:// and https://[ are none"],
      [`https://example.org/${rlo}gpj.exe`, `${link("https://example.org/")}${rlo}gpj.exe`],
      ['https://example.org/"onclick="alert(1)', `${link("https://example.org/")}"onclick="alert(1)`],
    ]) {
      assert.equal(await shown(text), html.replaceAll("&", "&amp;"), text);
    }
    const [opened] = await Promise.all([
      ada.context.waitForEvent("page"),
      bob.say(chat.url).then(() => ada.log().getByRole("link", { name: chat.url }).click()),
    ]);
    await opened.waitForLoadState();
    assert.equal(await opened.evaluate(() => window.opener), null, "the other page holds this one");
  });

  it("shows code and emphasis", async () => {
    for (const [text, html] of [
      ["*so* and _so_, *a _b_ c*", "<strong>so</strong> and <em>so</em>, <strong>a <em>b</em> c</strong>"],
      ["2*3*4, snake_case_name, * a *, __init__", "2*3*4, snake_case_name, * a *, __init__"],
      ["`*x* <b>`", "<code>*x* &lt;b&gt;</code>"],
      ["```\nif (x) {\n  *y* = 1\n}\n```\nthen", '<pre dir="ltr"><code>if (x) {\n  *y* = 1\n}</code></pre>then'],
      ["<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)&gt;"],
    ]) {
      assert.equal(await shown(text), html, text);
    }
    await bob.say("👩‍🚀 🎉");
    await ada.hears("👩‍🚀 🎉");
    assert.equal(await ada.log().locator(".emoji").count(), 1);
  });

  it("opens a picture large, and gives the focus back", async () => {
    await bob.show(await drawGears(browser), "Wheels");
    const small = ada.page.getByRole("button", { name: "Wheels" });
    await small.focus();
    await small.press("Enter");
    const large = ada.page.getByRole("dialog", { name: "Large picture" });
    assert.equal(await large.getByRole("img").evaluate(async (img) => (await img.decode(), img.clientWidth)), 420);
    await ada.page.keyboard.press("Escape");
    await large.waitFor({ state: "detached" });
    assert.ok(await small.evaluate((e) => e === document.activeElement));
    await small.click();
    await large.click();
    await large.waitFor({ state: "detached" });
  });

  it("sends a picture that is too large in a smaller size", async () => {
    const large = await drawNoise(browser, 800, 400);
    assert.ok(large.length > 600 << 10, `${large.length} bytes`);
    await ada.chooseFile("noise.png", "image/png", large);
    await ada.page.getByAltText("The picture to send").waitFor();
    await bob.ask("open", { room: "lobby" });
    const posted = new Promise((resolve) => bob.socket.on("changes", ({ messages: [m] }) => m?.files && resolve(m)));
    await ada.say("Noise");
    const [{ id, size }] = (await posted).files;
    assert.ok(size <= 512 << 10, `${size} bytes`);
    assert.equal((await (await bob.fetch(`/${id}`)).arrayBuffer()).byteLength, size);
    const sizes = await ada.pictures().evaluate(async (img) => (await img.decode(), [img.naturalWidth, img.naturalHeight]));
    assert.equal(sizes[0] / sizes[1], 2, `${sizes}`);
  });

  it("takes a file that is dropped anywhere, and never goes away for it", async () => {
    await ada.field().fill("What do you think?");
    await ada.drag("image/png", await drawGears(browser), "dragover");
    await ada.sees("Drop files to send them to #lobby");
    await ada.drag("image/png", await drawGears(browser), "dragover", "drop");
    await ada.page.getByAltText("The picture to send").waitFor();
    assert.equal(await ada.page.getByText("Drop files").count(), 0);
    await ada.drag("text/html", Buffer.from("<p>"), "dragover", "drop");
    await ada.page.getByRole("list", { name: "Files to send" }).getByRole("listitem").nth(1).waitFor();
    await ada.field().press("Enter");
    await ada.page.getByRole("button", { name: "What do you think?" }).waitFor();
    await ada.sent();
    const html = ada.log().getByRole("link", { name: /dragged/ });
    const answer = await bob.fetch((await html.getAttribute("href")).replace("/files", ""));
    assert.match(answer.headers.get("content-disposition"), /^attachment/, "the server serves the HTML as a page");
  });

  it("sends by Enter on a keyboard, and begins a new line on a touch screen", async () => {
    await ada.field().fill("one");
    await ada.field().press("Shift+Enter");
    await ada.field().pressSequentially("two");
    await ada.field().press("Enter");
    await ada.hears("one\ntwo");
    const phone = { viewport: { width: 390, height: 780 }, isMobile: true, hasTouch: true };
    const eve = await Person.arrive(browser, chat.url, "Eve", phone);
    await eve.field().fill("three");
    await eve.field().press("Enter");
    await eve.field().pressSequentially("four");
    assert.equal(await eve.field().inputValue(), "three\nfour");
    await eve.page.getByRole("button", { name: "Send" }).tap();
    await ada.hears("three\nfour");
    await eve.leave();
  });

  it("keeps what was typed when something is wrong with it", async () => {
    const long = "a name that is far too long for a room";
    await ada.nameRoom(long);
    await ada.sees("A name has at most 32 characters.");
    assert.equal(await ada.page.getByLabel("New room").inputValue(), long);

    await ada.field().fill("Begun");
    await ada.go("Everyone");
    await ada.holds("");
    await ada.go(/lobby/);
    await ada.holds("Begun"); // a draft, after another conversation

    await ada.field().fill("Look at this");
    const folder = mkdtempSync(join(tmpdir(), "films-"));
    try {
      const film = join(folder, "film.bin"); // a path: the bytes themselves take long to the browser
      writeFileSync(film, "");
      truncateSync(film, (25 << 20) + 1);
      await ada.page.getByLabel("Files", { exact: true }).setInputFiles(film);
      await ada.sees("film.bin: This is too large.");
    } finally {
      rmSync(folder, { recursive: true });
    }
    await ada.holds("Look at this");
    assert.equal(await ada.said("Look at this").count(), 0);
  });

  it("keeps a room that nobody is in, to be joined again", async () => {
    await ada.createRoom("aside");
    await ada.say("Back in a minute");
    await ada.sent();
    await ada.page.getByRole("button", { name: "Leave the room" }).click();
    await ada.page.getByRole("heading", { level: 1, name: "lobby" }).waitFor();
    await ada.join("aside");
    await ada.hears("Back in a minute");
  });

  it("says in plain words that the visitor is offline, and sends what they write when they are back", async () => {
    await ada.context.setOffline(true);
    await ada.sees("You are offline. Messages that you write now will be sent when you are back.");
    await ada.say("From the tunnel");
    await ada.sees("Sending…");
    await ada.context.setOffline(false);
    await ada.page.getByText("You are offline.").waitFor({ state: "detached" });
    await ada.sent();
    await ada.hears("From the tunnel");
  });

  it("says within 10 seconds that a server is frozen, and goes on when it thaws", async () => {
    const words = "The chat isn't answering.";
    await ada.page.evaluate((words) => {
      window.ticks = 0; // of a clock that stands still while the page does: how busy the machine is, is not the page's affair
      setInterval(() => window.ticks++, 100);
      window.said = new Promise((resolve) => {
        const look = () => document.body.textContent.includes(words) && resolve(window.ticks);
        new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
      });
    }, words);
    chat.freeze();
    await ada.page.evaluate(() => (window.ticks = 0));
    const ticks = await ada.page.evaluate(() => window.said);
    assert.ok(ticks < 100, `said after ${ticks / 10} s`);
    await ada.sees(words);
    await ada.say("Are you asleep?");
    await ada.sees("Sending…");
    chat.thaw();
    await ada.page.getByText("The chat isn't answering.").waitFor({ state: "detached" });
    await ada.sent();
    await ada.hears("Are you asleep?");
  });
});
