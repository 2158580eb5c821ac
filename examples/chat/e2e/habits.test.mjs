// What people do besides talking: they use the keyboard, several tabs, Back and Forward, and reload at any time.

import assert from "node:assert/strict";
import { describeInBrowser, launch, Person } from "./people.mjs";
import { freePort, startChat } from "./servers.mjs";

describeInBrowser("the page in daily use", { timeout: 1_200_000 }, ({ after, afterEach, before, beforeEach, it }) => {
  let browser, port, chat, ada;

  before(async () => {
    browser = await launch();
    port = await freePort();
    chat = await startChat(port);
  });
  after(async () => {
    await chat.kill();
    await browser.close();
  });

  let n = 0;
  beforeEach(async () => {
    ada = await Person.arrive(browser, chat.url, `Ada ${++n}`);
  });
  afterEach(() => ada.leave());

  const title = (name) => ada.page.getByRole("heading", { level: 1, name, exact: true }).waitFor();

  /** Waits until the focus is in an element. */
  const focused = (selector) => ada.page.waitForFunction((selector) => document.activeElement.matches(selector), selector);

  it("never loses the focus of the keyboard", async () => {
    await ada.say("Hello");
    await ada.sent();
    const tool = (name) => ada.message("Hello").getByRole("button", { name, exact: true });
    const press = async (button) => {
      await button.focus();
      await ada.page.keyboard.press("Enter");
    };
    await press(tool("React"));
    await focused("[aria-label='React with 👍']");
    await ada.page.keyboard.press("Escape");
    await focused(".message");
    await press(tool("React"));
    await focused("[aria-label='React with 👍']");
    await ada.page.keyboard.press("Enter");
    await ada.message("Hello").getByRole("button", { name: "👍 1" }).waitFor();
    await focused(".message");
    await press(tool("Reply"));
    await focused("textarea");
    await press(ada.page.getByRole("button", { name: "Don't reply" }));
    await focused("textarea");
    await ada.chooseFile("a.txt", "text/plain", Buffer.from("a"));
    await press(ada.page.getByRole("button", { name: "Remove a.txt" }));
    await focused("textarea");
    await press(tool("Delete"));
    await press(ada.page.getByRole("dialog").getByRole("button", { name: "Delete" }));
    await ada.sees("This message was deleted.");
    await focused(".message");
    await ada.field().fill("By the button");
    await press(ada.page.getByRole("button", { name: "Send" }));
    await focused("textarea");
    await ada.page.evaluate(() => (location.hash = "#nowhere"));
    await ada.sees("There is no such room or message.");
    await press(ada.page.getByRole("button", { name: "Dismiss" }));
    await focused("textarea");
    await ada.page.setViewportSize({ width: 390, height: 780 });
    const opener = ada.page.getByRole("button", { name: "Open the menu" });
    for (let times = 0; times < 2; times++) {
      await ada.page.locator("nav").waitFor({ state: "hidden" });
      await press(opener);
      await focused("[title='Close the menu']");
      await ada.page.keyboard.press("Escape");
      assert.equal(await opener.evaluate((e) => e === document.activeElement), true);
    }
    await press(opener);
    await press(ada.item("Everyone"));
    await title("Everyone");
    await focused("textarea");
  });

  it("leads Back and Forward, but not into rooms that were left", async () => {
    await ada.createRoom(`attic ${n}`);
    await ada.go("Everyone");
    await ada.go(`attic ${n}`);
    await ada.page.goBack();
    await title("Everyone");
    await ada.page.goForward();
    await title(`attic ${n}`);
    await ada.page.getByRole("button", { name: "Leave the room" }).click();
    await title("lobby");
    assert.equal(await ada.page.getByRole("alert").count(), 0);
    await ada.page.goBack();
    await title("Everyone");
    await ada.page.goBack();
    await ada.sees("You are no longer in the room.");
    await title("lobby");
    await ada.item(new RegExp(`attic ${n}.*Join`)).waitFor();
    await ada.page.goBack();
    await ada.page.goBack(); // to where the visitor came from
    assert.equal(ada.page.url(), "about:blank");
  });

  it("keeps what two tabs do apart, and leaves the chat in both", async () => {
    await ada.createRoom(`loft ${n}`);
    const tab = await ada.secondTab();
    await tab.go(`loft ${n}`);
    await tab.field().fill("begun");
    await ada.page.getByRole("button", { name: "Leave the room" }).click();
    await tab.page.getByRole("heading", { level: 1, name: "lobby" }).waitFor();
    assert.equal(await tab.field().inputValue(), "");
    await ada.field().fill("half a");
    await ada.page.reload();
    await ada.holds("half a");
    await ada.page.getByRole("button", { name: "Leave the chat" }).click();
    for (const { page } of [ada, tab]) await page.getByLabel("Your name").waitFor();
    assert.deepEqual(await ada.context.cookies(`${chat.url}/files`), []);
    assert.deepEqual(tab.complaints, []);
  });

  it("comes back from a minute without network to another server, and to what is left of the rooms", async () => {
    await ada.createRoom(`cellar ${n}`);
    const context = await browser.newContext({ storageState: await ada.context.storageState() });
    const phone = await new Person(context, chat.url).openTab();
    await phone.here();
    await phone.go(`cellar ${n}`);
    await ada.context.setOffline(true);
    await ada.sees("You are offline.");
    await ada.say("From the cellar");
    await ada.go(/lobby/);
    await ada.say("From below");
    await ada.go(`cellar ${n}`);
    await phone.page.getByRole("button", { name: "Leave the room" }).click();
    await phone.page.getByRole("heading", { level: 1, name: "lobby" }).waitFor();
    await chat.kill();
    chat = await startChat(port);
    await ada.context.setOffline(false);
    await ada.sees("You are no longer in the room.");
    await title("lobby");
    await ada.sent();
    await phone.hears("From below");
    assert.equal(await ada.said("From below").count(), 1);
    await phone.leave();
  });

  it("refuses a text that is too long without cutting it, and takes an empty picture", async () => {
    const long = "🎉".repeat(10_000);
    await ada.field().fill(long);
    await ada.field().press("Enter");
    await ada.sees("Not sent: a message has at most 2000 characters, and this one 20000.");
    assert.equal(await ada.field().inputValue(), long);
    await ada.field().fill("Nothing to see");
    await ada.chooseFile("empty.png", "image/png", Buffer.alloc(0));
    await ada.field().press("Enter");
    await ada.hears("Nothing to see");
    await ada.sent();
    await ada.log().getByRole("link", { name: /empty.png/ }).waitFor();
  });

  it("says that the server has a newer version of the page", async () => {
    await ada.page.route(`${chat.url}/`, async (route) => {
      const answer = await route.fetch();
      return route.fulfill({ response: answer, body: (await answer.text()).replace(/assets\/[^"]*\.js/, "assets/newer.js") });
    });
    await chat.kill();
    await ada.sees("The chat can't be reached");
    chat = await startChat(port);
    await ada.sees("There is a newer version of this page.");
  });
});
