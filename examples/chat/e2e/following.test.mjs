// Where the page is while messages come: at the end, where the visitor reads, at what is new.

import assert from "node:assert/strict";
import { Bot } from "./bot.mjs";
import { describeInBrowser, launch, Person } from "./people.mjs";
import { freePort, startChat } from "./servers.mjs";

const MANY = 1000; // more than three times of what the page keeps

describeInBrowser("the view of the messages", { timeout: 1_200_000 }, ({ after, afterEach, before, beforeEach, it }) => {
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

  /**
   * From now on notes how far the page is from the end, and where a message is among the messages in view, in each frame as
   * it will be painted: after the page's own observers of sizes, because an observer that was made later is called later.
   * A banner above the messages, as when the server does not get to answering for a while, moves none of them there.
   */
  async function watch(text) {
    await ada.page.evaluate((text) => {
      const box = document.querySelector("[role=log]");
      const mark = [...document.querySelectorAll(".text")].find((e) => e.textContent === text);
      window.gaps = [];
      window.places = [];
      const clock = document.body.appendChild(document.createElement("div"));
      Object.assign(clock.style, { position: "fixed", visibility: "hidden", width: "1px" });
      new ResizeObserver(() => {
        window.gaps.push(box.scrollHeight - box.scrollTop - box.clientHeight);
        window.places.push(mark ? mark.getBoundingClientRect().top - box.getBoundingClientRect().top : 0);
      }).observe(clock);
      let frames = 0;
      const tick = () => {
        clock.style.height = `${++frames % 2}px`;
        requestAnimationFrame(tick);
      };
      tick();
    }, text);
  }
  const watched = () => ada.page.evaluate(() => ({ gap: Math.max(...window.gaps), places: [...new Set(window.places)] }));

  async function fill() {
    for (let n = 1; n <= 40; n++) await bob.say(`line ${n}`);
    await ada.hears("line 40");
  }
  const slowly = async () => {
    for (let n = 1; n <= MANY; n++) await bob.say(`message ${n}`);
  };
  const fast = () => Promise.all(Array.from({ length: MANY }, (_, n) => bob.say(`message ${n + 1}`)));

  for (const [how, talk] of Object.entries({ slowly, fast })) {
    it(`stays at the end while ${MANY} messages come ${how}`, async () => {
      await fill();
      await watch();
      await talk();
      await ada.hears(`message ${MANY}`);
      const { gap } = await watched();
      assert.ok(gap < 2, `in some frame the end was ${gap} px away`);
      assert.equal(await ada.log().locator(".message").count(), 300, "messages in the page");
      await ada.titled("Roomcast chat");
    });

    it(`stays where the visitor reads while ${MANY} messages come ${how}, and goes to the end when told to`, async () => {
      await fill();
      await ada.said("line 10").hover();
      await ada.turnWheel(-120); // leaves the end for what is a little above it
      await ada.jump("Jump to latest").waitFor();
      await ada.said("line 5").evaluate((line) => line.scrollIntoView({ block: "start" }));
      await watch("line 5");
      await talk();
      await ada.jump(`${MANY} new messages`).waitFor();
      const { places } = await watched();
      assert.equal(places.length, 1, `the message was at ${places}`);
      await ada.titled(`(${MANY}) Roomcast chat`);
      await ada.item(new RegExp(`lobby.*${MANY} unread`)).waitFor();

      await ada.jump(`${MANY} new messages`).click();
      await ada.atEnd();
      await ada.titled("Roomcast chat");
      await bob.say("one more");
      await ada.hears("one more");
      await ada.atEnd();
      assert.equal(await ada.log().locator(".message").count(), 300);
    });
  }

  it("comes back to the end by scrolling, and by saying something", async () => {
    await fill();
    await ada.said("line 40").hover();
    for (const comeBack of [() => ada.turnWheel(5000), () => ada.say("Me, too")]) {
      await ada.page.mouse.move(600, 300);
      await ada.turnWheel(-400);
      await ada.jump("Jump to latest").waitFor();
      await bob.say("Are you there?");
      await ada.jump("1 new message").waitFor();
      await comeBack();
      await ada.jump("1 new message").waitFor({ state: "detached" });
      await ada.atEnd();
    }
  });

  it("begins at what is new in a conversation, and marks it as read at its end", async () => {
    await ada.join("books");
    for (let n = 1; n <= 30; n++) await bob.say(`old ${n}`, "books");
    await ada.hears("old 30");
    await ada.go(/lobby/);
    for (let n = 1; n <= 30; n++) await bob.say(`new ${n}`, "books");
    await ada.go(/books.*30 unread/);
    const line = ada.log().getByText("New", { exact: true });
    const below = await line.evaluate((e) => e.getBoundingClientRect().top - e.closest("[role=log]").getBoundingClientRect().top);
    assert.ok(below >= 0 && below < 40, `the line is ${below} px below the top`);
    assert.equal(await ada.log().locator(".new + .message .text").textContent(), "new 1");
    await ada.item(/books.*30 unread/).waitFor(); // not seen yet
    await ada.jump("30 new messages").click();
    await ada.item(/books.*unread/).waitFor({ state: "detached" });
    assert.equal(await line.count(), 1, "the line stays until the visitor goes");
    await ada.go(/lobby/);
    await ada.go(/books/);
    await ada.hears("new 30");
    assert.equal(await line.count(), 0);
  });

  it("marks what came while the tab was in the background", async () => {
    const show = (visible) =>
      ada.page.evaluate((visible) => {
        Object.defineProperty(document, "hidden", { value: !visible, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
      }, visible);
    await bob.say("seen");
    await ada.hears("seen");
    await show(false);
    await bob.say("not seen");
    await ada.hears("not seen");
    await ada.titled("(1) Roomcast chat");
    await show(true);
    await ada.titled("Roomcast chat");
    assert.equal(await ada.log().locator(".new + .message .text").textContent(), "not seen");
    await ada.say("Now I have seen it");
    await ada.hears("Now I have seen it");
    assert.equal(await ada.log().locator(".new").count(), 0);
  });

  it("remembers what was read over a reload", async () => {
    await ada.join("books");
    await bob.say("read", "books");
    await ada.hears("read");
    await ada.go(/lobby/);
    await bob.say("not read", "books");
    await bob.tell("Ada", "nor this");
    await ada.item(/Bob.*1 unread/).waitFor();
    await ada.page.reload();
    await ada.item(/books.*1 unread/).waitFor();
    await ada.item(/Bob.*1 unread/).waitFor();
  });
});
