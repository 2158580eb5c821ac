// The page in each of its states and looks: no barrier, no ring cut off, nothing wider than the window. "make
// screenshots" keeps a picture of each.

import assert from "node:assert/strict";
import { Bot } from "./bot.mjs";
import { badRings, barriers, tooWide } from "./checks.mjs";
import { describeInBrowser, drawGears, launch, Person } from "./people.mjs";
import { freePort, startChat } from "./servers.mjs";

const LOOKS = {
  desktop: { width: 1120, height: 700, colorScheme: "light" },
  "desktop-dark": { width: 1120, height: 700, colorScheme: "dark" },
  phone: { width: 390, height: 780, colorScheme: "light" },
  "phone-dark": { width: 390, height: 780, colorScheme: "dark" },
  zoom: { width: 560, height: 350, colorScheme: "light" }, // the desktop at 200 %
};

describeInBrowser("the page looks right", { timeout: 1_200_000 }, ({ after, afterEach, before, beforeEach, it }) => {
  let browser, port, chat, gears;
  let people = [];

  before(async () => {
    browser = await launch();
    gears = await drawGears(browser);
  });
  after(() => browser.close());

  beforeEach(async () => {
    port = await freePort();
    chat = await startChat(port);
  });
  afterEach(async () => {
    await chat.kill();
    for (const person of people.splice(0)) await person.leave();
  });

  async function visitor(name) {
    const person = await Person.arrive(browser, chat.url, name, { reducedMotion: "reduce" });
    people.push(person);
    return person;
  }

  async function bot(name, ...rooms) {
    const one = await Bot.arrive(chat.url, name, ...rooms);
    people.push(one);
    return one;
  }

  /** Checks a state in each look, and keeps a screenshot of it. */
  async function looksRight(person, state, { looks = Object.keys(LOOKS), prepare = async () => {} } = {}) {
    const problems = {};
    await person.page.mouse.move(0, 0); // so that it points at nothing
    for (const name of looks) {
      const { width, height, colorScheme } = LOOKS[name];
      await person.page.setViewportSize({ width, height });
      await person.page.emulateMedia({ colorScheme });
      await prepare();
      await person.screenshot(`${state}-${name}`);
      const found = [...(await barriers(person.page)), ...(await tooWide(person.page))];
      if (found.length > 0) problems[name] = found;
    }
    for (const name of looks.filter((look) => LOOKS[look].colorScheme === "light")) {
      await person.page.setViewportSize(LOOKS[name]);
      const found = await badRings(person.page);
      if (found.length > 0) problems[`rings, ${name}`] = found;
    }
    assert.deepEqual(problems, {}, state);
  }

  /** A conversation as on any busy day. */
  async function busyDay() {
    const charles = await bot("Charles Babbage", "compilers");
    const grace = await bot("Grace Hopper", "engines", "compilers");
    const zoe = await bot("Zoë 🦊", "a room with quite a long name");
    const person = await visitor("Ada Lovelace");
    await charles.say("Good morning! The drawings of the mill are *done*: https://example.org/mill");
    await person.say("Splendid. Can it take its numbers from the cards?");
    await person.sent();
    await charles.show(gears, "From the cards, yes. Three wheels are cut:");
    await grace.say("This prints `B₁₂` in _four_ seconds:\n```\ncards.Punch(bernoulli(12))\n```");
    await zoe.say("🎉");
    await person.say("What a sight! I shall write the program tonight.");
    await person.sent();
    await person.join("compilers");
    await person.go(/lobby/);
    await grace.say("It parses!", "compilers");
    await grace.tell("Ada Lovelace", "Are you free at noon?");
    await grace.tell("Ada Lovelace", "I have found a moth.");
    await person.item(/Grace.*2 unread/).waitFor();
    await person.pictures().evaluate((img) => img.decode());
    return { person, charles, grace, zoe };
  }

  it("signed out", async () => {
    const person = await visitor();
    await looksRight(person, "signed-out");
    await bot("Charles Babbage");
    await person.ask("Charles Babbage");
    await person.sees("The name Charles Babbage is taken.");
    assert.equal(await person.page.getByLabel("Your name").inputValue(), "Charles Babbage");
    await looksRight(person, "name-taken");
  });

  it("empty", async () => {
    const person = await visitor("Ada Lovelace");
    await person.sees("Nobody else is here yet.");
    await looksRight(person, "empty");
  });

  it("busy, with a picture opened, and a message forwarded", async () => {
    const { person, charles } = await busyDay();
    const sign = person.page.getByText("Charles Babbage is typing").first();
    const typing = async () => {
      do await charles.types(); // to a connection that is busy, the sign of it may be dropped
      while (!(await sign.waitFor({ timeout: 2000 }).then(() => true, () => false)));
    };
    await looksRight(person, "busy", { prepare: typing });
    await person.page.getByRole("button", { name: /Three wheels/ }).click();
    await looksRight(person, "picture");
    await person.page.keyboard.press("Escape");
    await person.choose("🎉", "Forward");
    await looksRight(person, "forward");
  });

  it("with a picture to send, and another one above the window", async () => {
    const person = await visitor("Ada Lovelace");
    await person.chooseFile("wheels.png", "image/png", gears);
    await person.page.getByAltText("The picture to send").waitFor();
    await person.field().fill("Three wheels are cut:\nnow they need an axle.");
    await looksRight(person, "picture-to-send");
    await person.drag("image/png", gears, "dragover");
    await person.sees("Drop files to send them to #lobby");
    await looksRight(person, "dropping");
  });

  it("searching", async () => {
    const { person } = await busyDay();
    await person.search("a");
    await person.sees(/\d results/);
    await looksRight(person, "search");
    await person.page.getByRole("searchbox").fill("phlogiston");
    await person.sees("Nothing found.");
    await looksRight(person, "nothing-found", { looks: ["desktop", "phone-dark", "zoom"] });
  });

  it("with the menu of a phone open", async () => {
    const { person } = await busyDay();
    await person.page.setViewportSize({ width: 390, height: 780 });
    await person.page.getByRole("button", { name: /Open the menu/ }).click();
    await looksRight(person, "menu", { looks: ["phone", "phone-dark", "zoom"] });
  });

  it("unread, and scrolled up", async () => {
    const person = await visitor("Ada Lovelace");
    const grace = await bot("Grace Hopper", "compilers");
    await person.join("compilers");
    for (const n of Array(12).keys()) await grace.say(`Pass ${n + 1} is through.`, "compilers");
    await person.hears("Pass 12 is through.");
    await person.go(/lobby/);
    for (const n of Array(20).keys()) await grace.say(`${n + 1} tests are green now.`, "compilers");
    await person.go(/compilers.*20 unread/);
    const prepare = () => person.page.getByText("New", { exact: true }).evaluate((line) => line.scrollIntoView());
    await looksRight(person, "unread", { prepare });
  });

  it("offline", async () => {
    const { person } = await busyDay();
    await person.context.setOffline(true);
    await person.sees(/You are offline/);
    await person.say("I am on the train, and there is a tunnel.");
    await person.sees("Sending…");
    await looksRight(person, "offline");
  });

  it("while the server restarts", async () => {
    const { person } = await busyDay();
    await chat.kill("SIGTERM");
    await person.sees(/can't be reached/);
    await person.say("Hello? Is anybody there?");
    await person.sees("Sending…");
    await looksRight(person, "restart");
  });

  it("with errors", async () => {
    const { person } = await busyDay();
    await person.chooseFile("film.bin", "application/octet-stream", Buffer.alloc((25 << 20) + 1));
    await person.sees("film.bin: This is too large.");
    await person.nameRoom("a name that is far too long for any room");
    await person.sees(/at most 32 characters/);
    await looksRight(person, "error");
  });

  it("from right to left, with long names", async () => {
    const layla = await bot("ليلى حداد", "قصص");
    const long = await bot("WWWWWWWWWWWWWWWWWWWWWWWW", "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww");
    const person = await visitor("נועה לוי");
    await layla.say("صباح الخير! هل وصلت الرسومات؟ https://example.org/الرسومات");
    await person.say("בוקר טוב, עוד לא.\nBut the cards are here.");
    await person.sent();
    await long.say("W".repeat(300));
    await long.say("And in English, with שלום in the middle.");
    await layla.say("شكراً!");
    await person.hears("شكراً!");
    await looksRight(person, "rtl");
    await person.page.evaluate(() => (document.documentElement.dir = "rtl"));
    await looksRight(person, "rtl-page", { looks: ["desktop", "phone"] });
  });
});
