// The chat as it is built and served, in Chromium.

import assert from "node:assert/strict";
import { describeInBrowser, drawPicture, launch, Person } from "./people.mjs";
import { freePort, startChat } from "./servers.mjs";

describeInBrowser("the chat", { timeout: 1_200_000 }, ({ after, afterEach, before, beforeEach, it }) => {
  let browser, port, chat, ada, bob;

  before(async () => {
    browser = await launch();
  });
  after(() => browser.close());

  beforeEach(async () => {
    port = await freePort();
    chat = await startChat(port);
    ada = await Person.arrive(browser, chat.url, "Ada Lovelace");
    bob = await Person.arrive(browser, chat.url, "Bob");
    await ada.sees("2 people here");
  });
  afterEach(async () => {
    await ada.leave();
    await bob.leave();
    await chat.kill();
  });

  it("refuses an empty name and one that is taken, and says so", async () => {
    const eve = await Person.arrive(browser, chat.url);
    await eve.screenshot("sign-in");
    await eve.ask("  ");
    await eve.sees(/enter a name/i);
    await eve.ask(" ada LOVELACE ");
    await eve.sees(/is taken/);
    await eve.screenshot("name-taken");
    await eve.ask("Eve");
    await eve.here();
    await bob.sees("3 people here");
    await eve.leave();
    await bob.sees("2 people here");
  });

  it("carries room messages, each once", async () => {
    await ada.screenshot("lobby-empty");
    await ada.say("Hello Bob");
    await bob.hears("Hello Bob");
    await bob.say("Hello Ada");
    await ada.hears("Hello Ada");
    await ada.say("<b>bold</b> & 'quoted'");
    await bob.hears("<b>bold</b> & 'quoted'");
    for (const person of [ada, bob]) {
      assert.equal(await person.said("Hello Bob").count(), 1);
      assert.equal(await person.said("Hello Ada").count(), 1);
    }
  });

  it("lets people create, join and leave rooms", async () => {
    await ada.createRoom("books");
    await ada.say("Only for readers");
    await bob.join("books");
    await bob.hears("Only for readers"); // from the room's history
    await ada.sees("2 people here");
    await bob.page.getByRole("button", { name: "Leave the room" }).click();
    await ada.sees("Only you are here");
    await bob.item(/books.*Join/).waitFor();
    await bob.page.reload();
    await bob.here();
    await ada.page.reload();
    await ada.go(/books/);
    await ada.hears("Only for readers");
    await ada.nameRoom("x".repeat(40));
    await ada.sees(/at most 32 characters/);
    await ada.screenshot("room-refused");
  });

  it("shows the last 50 messages of a room to who joins it", async () => {
    await ada.createRoom("numbers");
    for (let n = 1; n <= 52; n++) await ada.say(`number ${n}`);
    await ada.sent();
    await bob.join("numbers");
    await bob.hears("number 52");
    await bob.hears("number 3");
    assert.equal(await bob.said("number 2").count(), 0);
    assert.equal(await bob.log().getByText(/^number/).count(), 50);
    await bob.said("number 3").scrollIntoViewIfNeeded(); // and the others to who scrolls up
    await bob.hears("number 1");
    assert.equal(await bob.log().getByText(/^number/).count(), 52);
  });

  it("reaches everyone, whatever their room", async () => {
    await ada.go("Everyone");
    await ada.sees("Announcements to all");
    await ada.say("Tea is ready");
    await bob.item(/Everyone.*1/).click();
    await bob.hears("Tea is ready");
    await bob.screenshot("everyone");
  });

  it("brings a direct message to all tabs of one person, and to nobody else", async () => {
    const eve = await Person.arrive(browser, chat.url, "Eve");
    const second = await bob.secondTab();
    await ada.go(/Bob/);
    await ada.sees("Only you and Bob");
    await ada.say("Just for you");
    for (const tab of [bob, second]) await tab.item(/Ada.*1 unread/).waitFor();
    await bob.go(/Ada/);
    await bob.hears("Just for you");
    await second.item(/Ada.*unread/).waitFor({ state: "detached" }); // what one tab has read, all have
    await second.go(/Ada/);
    await second.hears("Just for you");
    await bob.say("Thank you");
    await second.hears("Thank you");
    await ada.hears("Thank you");
    await ada.screenshot("direct");
    await eve.say("Anything for me?");
    await eve.sent();
    assert.equal(await eve.page.getByText("Just for you").count(), 0);
    assert.equal(await eve.item(/unread/).count(), 0);
    await eve.leave();
  });

  it("forwards a message to somebody else, with its author's name", async () => {
    const eve = await Person.arrive(browser, chat.url, "Eve");
    await ada.say("Meet at noon");
    await bob.hears("Meet at noon");
    await bob.createRoom("aside"); // so that Bob's lobby isn't where Eve sees it
    await bob.go(/lobby/);
    await bob.choose("Meet at noon", "Forward");
    await bob.screenshot("forward-dialog");
    await bob.page.getByRole("dialog").getByRole("button", { name: /Eve/ }).click();
    await eve.item(/Bob.*1/).click();
    await eve.hears("Meet at noon");
    await eve.hears("Forwarded, from Ada Lovelace");
    await eve.screenshot("forwarded");
    await eve.leave();
  });

  it("carries pictures, and other files to be saved", async () => {
    const png = await drawPicture(browser, 480, 300);
    await ada.chooseFile("evening.png", "image/png", png);
    await ada.page.getByAltText("The picture to send").waitFor();
    await ada.screenshot("picture-to-send");
    await ada.say("An evening");
    await bob.pictures().waitFor();
    const width = await bob.pictures().evaluate(async (img) => (await img.decode(), img.naturalWidth));
    assert.equal(width, 480);
    await bob.screenshot("picture");

    const exactly = Buffer.concat([png, Buffer.alloc(512 * 1024 - png.length)]);
    await bob.chooseFile("full.png", "image/png", exactly);
    await bob.say("Full size");
    await ada.pictures().nth(1).waitFor();
    assert.equal(await ada.pictures().nth(1).evaluate(async (img) => (await img.decode(), img.naturalWidth)), 480);

    await ada.chooseFile("fake.png", "image/png", Buffer.from("not a picture at all"));
    await ada.page.getByRole("button", { name: "Send" }).click();
    const link = bob.log().getByRole("link", { name: /fake.png/ }); // the server looked at the content
    const [saved] = await Promise.all([bob.page.waitForEvent("download"), link.click()]);
    assert.equal(saved.suggestedFilename(), "fake.png");
    assert.equal(await bob.pictures().count(), 2);
    await bob.screenshot("file");
  });

  it("shows who is typing, and stops by itself", async () => {
    await ada.typesUntil(() => bob.page.getByText("Ada Lovelace is typing").isVisible());
    await bob.screenshot("typing");
    await bob.page.getByText("is typing").waitFor({ state: "detached" });
    await ada.typesUntil(() => bob.page.getByText("Ada Lovelace is typing").isVisible());
    await ada.field().fill("I was thinking");
    await ada.field().press("Enter");
    await bob.hears("I was thinking");
    assert.equal(await bob.page.getByText("is typing").count(), 0);
  });

  it("recovers from a killed server, and sends what was written meanwhile, once", async () => {
    await ada.createRoom("books");
    await bob.join("books");
    await ada.say("Before");
    await bob.hears("Before");
    await chat.kill();
    await ada.sees(/can't be reached/);
    await ada.say("Written offline");
    await ada.say("and a second one");
    await ada.sees("Sending…");
    await ada.screenshot("offline");
    await bob.sees(/can't be reached/);
    chat = await startChat(port);
    await bob.hears("and a second one");
    await ada.sent();
    await ada.say("After");
    await bob.hears("After");
    for (const person of [ada, bob]) {
      const texts = await person.log().locator(".text").allTextContents();
      assert.deepEqual(texts, ["Before", "Written offline", "and a second one", "After"]);
      assert.equal(await person.page.getByText(/can't be reached/).count(), 0);
    }
    await ada.screenshot("recovered");
  });

  it("sends a message again when only its acknowledgement was lost, and it arrives once", async () => {
    const eve = await Person.arrive(browser, chat.url);
    const { upgraded, mend } = await eve.loseFirstAck();
    await eve.page.reload();
    await eve.ask("Eve");
    await upgraded;
    await eve.say("Did you get this?");
    await eve.sees(/can't be reached/);
    mend();
    await eve.sent();
    await eve.say("Yes or no?");
    await bob.hears("Yes or no?");
    for (const person of [bob, eve]) {
      assert.deepEqual(await person.log().locator(".text").allTextContents(), ["Did you get this?", "Yes or no?"]);
    }
    await eve.leave();
  });

  it("stops cleanly when asked to, and pages come back to the next server", async () => {
    assert.equal(await chat.kill("SIGTERM"), 0);
    await bob.sees(/can't be reached/);
    chat = await startChat(port);
    await ada.page.getByText(/can't be reached/).waitFor({ state: "detached" });
    await bob.page.getByText(/can't be reached/).waitFor({ state: "detached" });
    await ada.say("Still here");
    await bob.hears("Still here");
  });

  it("fits a phone, and the dark", async () => {
    const phone = { viewport: { width: 390, height: 780 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };
    const eve = await Person.arrive(browser, chat.url, "Eve", { ...phone, colorScheme: "dark" });
    await eve.screenshot("phone-dark-empty");
    await ada.say("Shall we meet on Thursday, or is the end of the week better for everybody?");
    await bob.say("Thursday is fine");
    await eve.hears("Thursday is fine");
    await eve.say("For me too");
    await eve.sent();
    const overflow = await eve.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.equal(overflow, 0);
    await eve.screenshot("phone-dark");
    await ada.go(/^Eve$/);
    await ada.sees("Only you and Eve");
    await ada.say("Psst");
    await eve.page.getByRole("button", { name: /Open the menu/ }).click();
    await eve.item(/Ada.*1/).waitFor();
    await eve.screenshot("phone-menu");
    await eve.page.keyboard.press("Escape");
    await eve.item(/Ada/).waitFor({ state: "hidden" });
    await eve.page.emulateMedia({ colorScheme: "light" });
    await eve.screenshot("phone-light");
    await ada.page.emulateMedia({ colorScheme: "dark" });
    await ada.go(/lobby/);
    await ada.screenshot("desktop-dark");
    await eve.leave();
  });
});
