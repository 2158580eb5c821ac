// What people do with messages that are there, and what the page tells them of each other.

import assert from "node:assert/strict";
import { Bot } from "./bot.mjs";
import { describeInBrowser, launch, Person } from "./people.mjs";
import { freePort, startChat } from "./servers.mjs";

describeInBrowser("messages", { timeout: 1_200_000 }, ({ after, afterEach, before, beforeEach, it }) => {
  let browser, port, chat, ada, bob;

  before(async () => {
    browser = await launch();
  });
  after(() => browser.close());

  beforeEach(async () => {
    port = await freePort();
    chat = await startChat(port);
    bob = await Bot.arrive(chat.url, "Bob", "books");
    ada = await Person.arrive(browser, chat.url, "Ada");
  });
  afterEach(async () => {
    await chat.kill();
    bob.leave();
    await ada.leave();
  });

  const texts = (person) => person.log().locator(".text").allTextContents();

  it("are there after the server has started again, on a page that is new", async () => {
    for (let n = 1; n <= 3; n++) await bob.say(`kept ${n}`);
    await ada.hears("kept 3");
    await ada.choose("kept 2", "React");
    await ada.page.getByRole("button", { name: "React with 🎉" }).click();
    await ada.page.getByRole("button", { name: "🎉 1" }).waitFor();
    await chat.kill();
    chat = await startChat(port);
    const eve = await Person.arrive(browser, chat.url, "Eve");
    await eve.hears("kept 3");
    assert.deepEqual(await texts(eve), ["kept 1", "kept 2", "kept 3"]);
    await eve.message("kept 2").getByRole("button", { name: "🎉 1", pressed: false }).waitFor();
    await eve.leave();
  });

  it("come page by page while the visitor scrolls up, and what is shown stays in its place", async () => {
    await bob.ask("open", { room: "lobby" });
    const seen = bob.seen("Ada", 170);
    for (let n = 1; n <= 170; n++) await bob.say(`number ${n}`);
    await ada.hears("number 170");
    await seen;
    await ada.page.reload();
    await ada.hears("number 170");
    assert.equal(await ada.log().locator(".message").count(), 50);
    for (const [edge, next] of [[121, 71], [71, 21], [21, 1]]) {
      const mark = ada.said(`number ${edge}`);
      await mark.evaluate((e) => e.scrollIntoView({ block: "start" }));
      const place = () => mark.evaluate((e) => e.getBoundingClientRect().top - e.closest("[role=log]").getBoundingClientRect().top);
      const before = await place();
      await ada.said(`number ${next}`).waitFor({ state: "attached" });
      assert.ok(Math.abs((await place()) - before) < 2, `number ${edge} moved from ${before} to ${await place()}`);
    }
    assert.deepEqual(await texts(ada), Array.from({ length: 170 }, (_, n) => `number ${n + 1}`));
    assert.equal(await ada.page.getByRole("button", { name: "Older messages" }).count(), 0);
    await ada.jump("Jump to latest").click();
    await ada.atEnd();
  });

  it("are edited by their author, in place", async () => {
    const eve = await Person.arrive(browser, chat.url, "Eve");
    await ada.say("Meet at nine");
    await eve.hears("Meet at nine");
    assert.equal(await eve.message("Meet at nine").getByRole("button", { name: "Edit" }).count(), 0, "somebody else's message");
    await ada.field().fill("a draft");
    await ada.choose("Meet at nine", "Edit");
    await ada.holds("Meet at nine");
    await ada.say("Meet at ten");
    await eve.hears("Meet at ten");
    await eve.message("Meet at ten").getByText(/^edited/).waitFor();
    assert.deepEqual(await texts(eve), ["Meet at ten"]);
    await ada.holds("a draft");
    await ada.field().fill("");
    await ada.field().press("ArrowUp"); // the last message
    await ada.holds("Meet at ten");
    await ada.field().press("Escape");
    await ada.holds("");
    await eve.leave();
  });

  it("are edited only as they are shown", async () => {
    await ada.say("One");
    await ada.sent();
    const second = await ada.secondTab();
    await second.hears("One");
    await ada.choose("One", "Edit");
    await second.choose("One", "Edit");
    await second.say("Two");
    await ada.hears("Two");
    await ada.say("Three");
    await ada.sees("Not sent: The message has changed meanwhile.");
    await ada.holds("Three"); // the text is still there
    await ada.page.getByRole("button", { name: "Stop editing" }).click();
    await second.page.close();
  });

  it("are deleted by their author, for everybody", async () => {
    const eve = await Person.arrive(browser, chat.url, "Eve");
    await ada.say("My password is 1234");
    await eve.hears("My password is 1234");
    await ada.choose("My password is 1234", "Delete");
    await ada.page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
    await ada.choose("My password is 1234", "Delete");
    await ada.page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    for (const person of [ada, eve]) {
      await person.hears("This message was deleted.");
      await person.page.getByText("1234").first().waitFor({ state: "detached" }); // the dialog has it for a moment
    }
    await eve.leave();
  });

  it("show reactions, with those of the visitor", async () => {
    const eve = await Person.arrive(browser, chat.url, "Eve");
    const seq = await bob.say("We have won");
    await bob.ask("react", { room: "lobby", seq, emoji: "🎉", on: true });
    const chip = (person, name, pressed) => person.message("We have won").getByRole("button", { name, exact: true, pressed }).waitFor();
    for (const person of [ada, eve]) await chip(person, "🎉 1", false);
    await ada.message("We have won").getByRole("button", { name: "🎉 1" }).click();
    await chip(ada, "🎉 2", true);
    await chip(eve, "🎉 2", false);
    await eve.choose("We have won", "React");
    await eve.page.getByRole("button", { name: "React with 👍" }).click();
    await chip(ada, "👍 1", false);
    await ada.message("We have won").getByRole("button", { name: "🎉 2" }).click();
    await chip(eve, "🎉 1", false);
    await eve.leave();
  });

  it("are answered with a quote that leads to them", async () => {
    const eve = await Person.arrive(browser, chat.url, "Eve");
    await bob.say("Who has the key?");
    await ada.hears("Who has the key?");
    await ada.choose("Who has the key?", "Reply");
    await ada.sees("Reply to Bob");
    await ada.say("I have it");
    const quote = eve.message("I have it").getByRole("link", { name: "Bob Who has the key?" });
    await quote.waitFor();
    assert.equal(await ada.page.getByText("Reply to Bob").count(), 0);
    for (let n = 1; n <= 60; n++) await bob.say(`and ${n}`);
    await eve.page.reload();
    await eve.hears("and 60");
    await eve.said("and 11").evaluate((e) => e.scrollIntoView({ block: "start" })); // "I have it" comes then
    await quote.click();
    await eve.said("Who has the key?").waitFor();
    await eve.leave();
  });

  it("say who has read them", async () => {
    const eve = await Person.arrive(browser, chat.url, "Eve");
    await ada.say("Done");
    await ada.log().getByText("Read by Eve").waitFor();
    await bob.ask("read", { room: "lobby", seq: 1 });
    await ada.log().getByText(/Read by (Eve, Bob|Bob, Eve)/).waitFor();
    await ada.say("Next");
    await ada.message("Next").getByText("Read by Eve").waitFor();
    assert.equal(await ada.log().getByText(/Read by/).count(), 1, "at the last message only");
    await eve.leave();
  });

  it("mention people, who see it in their list and in the text", async () => {
    const eve = await Person.arrive(browser, chat.url, "Eve");
    await eve.createRoom("garden");
    await ada.join("garden");
    await ada.sees("2 people here");
    await eve.go(/lobby/);
    await ada.field().pressSequentially("Are you there, @e");
    await ada.page.getByRole("option", { name: "Eve" }).waitFor();
    await ada.field().press("Enter");
    await ada.holds("Are you there, @Eve ");
    await ada.say("Are you there, @Eve?");
    await eve.item(/garden.*mentions you.*1 unread/).click();
    await eve.hears("@Eve");
    await eve.item(/garden.*mentions you/).waitFor({ state: "detached" });
    assert.equal(await eve.log().locator(".for-me mark").textContent(), "@Eve");
    for (const text of ["Or not, @nobody?", "Nor @Evelyn?"]) {
      await ada.say(text);
      await eve.hears(text);
    }
    assert.equal(await eve.log().locator("mark").count(), 1);
    await eve.leave();
  });

  it("lead to rooms by the page's address", async () => {
    await bob.say("In the books", "books");
    await ada.page.goto(`${chat.url}/#books`);
    await ada.page.reload();
    await ada.hears("In the books");
    await ada.go(/Bob/);
    await ada.page.getByRole("heading", { level: 1, name: "Bob" }).waitFor();
    assert.equal(new URL(ada.page.url()).hash, "#@Bob");
    await ada.page.reload();
    await ada.page.getByRole("heading", { level: 1, name: "Bob" }).waitFor();
    await ada.page.goBack();
    await ada.page.getByRole("heading", { level: 1, name: "books" }).waitFor();
    const noRoom = "There is no such room or message.";
    for (const [wrong, notice] of [["nowhere", noRoom], ["/no/id", noRoom], ["%zz", noRoom], ["@Bub", "There is nobody called Bub."]]) {
      await ada.page.goto(`${chat.url}/#${wrong}`);
      await ada.sees(notice);
      await ada.page.getByRole("heading", { level: 1, name: "lobby" }).waitFor();
      await ada.page.getByRole("button", { name: "Dismiss" }).click();
    }
  });

  it("are found by their words, in all rooms or in one, and opened where they are", async () => {
    await bob.say("The key is under the mat", "books");
    for (let n = 1; n <= 60; n++) await bob.say(`page ${n}`, "books");
    await bob.say("Which keyhole?");
    await bob.tell("Ada", "I have lost my KEY");
    await ada.item(/Bob.*1 unread/).waitFor();
    const results = ada.page.getByRole("list", { name: "Results" });
    const found = async (...texts) => {
      await results.locator(".excerpt").nth(texts.length - 1).getByText(texts.at(-1)).waitFor();
      assert.deepEqual(await results.locator(".excerpt").allTextContents(), texts);
    };

    const words = await ada.search("key");
    await found("I have lost my KEY", "Which keyhole?", "The key is under the mat");
    await ada.sees("3 results");
    assert.deepEqual(await results.locator("mark").allTextContents(), ["KEY", "keyhole", "key"]);
    await results.getByText("you and Bob").waitFor();
    await ada.page.getByRole("checkbox", { name: "Only in #lobby" }).check();
    await found("Which keyhole?");
    await ada.page.getByRole("checkbox", { name: "Only in #lobby" }).uncheck();
    await words.fill("unicorn");
    await ada.sees("Nothing found.");

    await words.fill("page");
    await found(...Array.from({ length: 20 }, (_, n) => `page ${60 - n}`));
    await ada.page.getByRole("button", { name: "More" }).press("Enter");
    await found(...Array.from({ length: 40 }, (_, n) => `page ${60 - n}`));
    assert.match(await ada.page.evaluate(() => document.activeElement.textContent), /page 40/);

    await words.fill('"the mat"');
    await found("The key is under the mat");
    await words.press("Enter"); // goes to the first result,
    await ada.page.keyboard.press("Enter"); // and opens it
    await ada.page.getByRole("heading", { level: 1, name: "books" }).waitFor();
    await ada.page.waitForFunction(() => document.activeElement.matches(".message"));
    assert.match(await ada.page.evaluate(() => document.activeElement.textContent), /The key is under the mat/);
    await ada.jump(/Jump to latest|new messages/).waitFor(); // it is 60 messages above the end
    await ada.page.waitForFunction(() => {
      const { top, bottom } = document.activeElement.getBoundingClientRect();
      return top >= 0 && bottom <= innerHeight;
    });
    await ada.search();
    await found("The key is under the mat");
    await ada.page.getByRole("button", { name: "Close the search" }).click();
    await ada.page.getByRole("dialog").waitFor({ state: "detached" });
  });

  it("wait in their bubble if they are refused, to be tried again, written anew or dropped", async () => {
    await ada.go(/^Bob$/);
    await ada.sees("Only you and Bob");
    await bob.ask("block", { user: "Ada", on: true });
    const refused = (text) => ada.log().locator(".failed").filter({ hasText: text });
    const does = (text, what) => refused(text).getByRole("button", { name: what, exact: true }).click();
    for (const text of ["One", "Two", "Three"]) await ada.say(text);
    for (const text of ["One", "Two", "Three"]) {
      await refused(text).getByRole("alert").getByText("Not sent: This person doesn't want messages from you.").waitFor();
    }
    await does("Two", "Discard");
    await refused("Two").waitFor({ state: "detached" });
    await does("Three", "Edit");
    await ada.holds("Three");
    await refused("Three").waitFor({ state: "detached" });
    await bob.ask("block", { user: "Ada", on: false });
    await does("One", "Try again");
    await refused("One").waitFor({ state: "detached" });
    await ada.say("Three again");
    await ada.sent();
    await ada.page.reload();
    await ada.hears("Three again");
    assert.deepEqual(await texts(ada), ["One", "Three again"]);
  });

  it("say who is online, away, and offline after a while", async () => {
    const dot = () => ada.item(/^Bob$/).locator(".dot").getAttribute("class");
    const is = async (state) => {
      while ((await dot()) !== `dot ${state}`) await ada.page.waitForTimeout(100);
    };
    await is("online");
    await bob.ask("active", { idle: true });
    await is("away");
    await bob.ask("active", { idle: false });
    await is("online");
    await ada.go(/^Bob$/);
    await ada.sees("Only you and Bob");
    bob.leave();
    bob = await Bot.arrive(chat.url, "Bob"); // as a page that is loaded anew
    await ada.page.waitForTimeout(2000);
    assert.equal(await dot(), "dot online", "a reload shows");
    bob.leave();
    await ada.page.getByRole("list", { name: "People offline" }).getByText("Bob").waitFor();
    await ada.page.getByRole("main").getByText("Offline").waitFor();
  });
});
