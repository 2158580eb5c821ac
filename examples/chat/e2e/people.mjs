// People at their browsers: what they do in the page and what they see.

import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { chromium } from "playwright-core";

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** Why the tests are skipped where there is no browser; in CI that is a failure. */
const skip =
  process.env.CI !== "true" &&
  !existsSync(executablePath) &&
  `no Chromium at ${executablePath}: install it (Debian: apt-get install chromium) or name one in CHROMIUM`;

/** Describes tests that need a browser. Without one each test counts as skipped. */
export function describeInBrowser(name, options, suite) {
  const hooks = { before, after, beforeEach, afterEach };
  if (skip) for (const hook in hooks) hooks[hook] = () => {};
  describe(name, options, () => suite({ ...hooks, it: skip ? (test) => it(test, { skip }) : it }));
}

export function launch() {
  return chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

export class Person {
  /** A browser of one's own: nothing is shared with other people. */
  static async arrive(browser, url, name, look = {}) {
    const context = await browser.newContext({ viewport: { width: 1180, height: 760 }, colorScheme: "light", ...look });
    const person = await new Person(context, url).openTab();
    if (name !== undefined) {
      await person.ask(name);
      await person.here();
    }
    return person;
  }

  constructor(context, url) {
    this.context = context;
    this.url = url;
    this.complaints = [];
  }

  async openTab() {
    this.page = await this.context.newPage();
    this.page.setDefaultTimeout(300_000); // for a busy machine
    this.page.on("pageerror", (error) => this.complaints.push(String(error)));
    this.page.on("console", (message) => {
      // A server that is gone or refuses, and a poll that the closing of its session has overtaken.
      const expected = /ERR_CONNECTION|ERR_EMPTY_RESPONSE|ERR_FAILED|ERR_INTERNET_DISCONNECTED|WebSocket connection to|CORS policy|status of 400/;
      if (message.type() === "error" && !expected.test(message.text())) this.complaints.push(message.text());
    });
    await this.page.goto(this.url);
    return this;
  }

  /** Another tab of the same browser. */
  async secondTab() {
    const tab = await new Person(this.context, this.url).openTab();
    await tab.here();
    return tab;
  }

  async leave() {
    assert.deepEqual(this.complaints, [], "errors in the browser's console");
    await this.context.close();
  }

  ask(name) {
    return this.page.getByLabel("Your name").fill(name).then(() => this.page.getByRole("button", { name: "Join" }).click());
  }

  here = () => this.field().waitFor();
  field = () => this.page.getByRole("textbox", { name: /^Message/ });
  log = () => this.page.getByRole("log");
  said = (text) => this.log().getByText(text, { exact: true });
  sees = (text) => this.page.getByText(text).first().waitFor();
  hears = (text) => this.said(text).waitFor();
  item = (name) => this.page.getByRole("navigation").getByRole("button", { name });
  pictures = () => this.log().locator("img");
  jump = (name) => this.page.getByRole("button", { name });

  holds = (text) => this.page.waitForFunction((text) => document.querySelector("textarea")?.value === text, text);
  titled = (title) => this.page.waitForFunction((title) => document.title === title, title);

  /** Turns the wheel over the messages, and waits until they stand still: the browser moves them over several frames. */
  async turnWheel(pixels) {
    const log = this.log();
    await log.evaluate((box) => {
      window.standing = new Promise((resolve) => box.addEventListener("scrollend", resolve, { once: true }));
    });
    await this.page.mouse.wheel(0, pixels);
    await log.evaluate(() => window.standing);
  }

  /** Waits until the end of the messages is in view. */
  atEnd() {
    return this.log().evaluate(async (box) => {
      while (box.scrollHeight - box.scrollTop - box.clientHeight >= 2) await new Promise(requestAnimationFrame);
    });
  }

  async say(text) {
    await this.field().fill(text);
    await this.field().press("Enter");
  }

  /**
   * From the next page load on: cuts the connection instead of letting the first message's ack through.
   * The result's `upgraded` resolves when the WebSocket is in use; the page can't come back before `mend` is called.
   */
  async loseFirstAck() {
    let lost = false;
    let cut = false;
    let inUse;
    await this.page.route(/\/socket\.io\//, (route) => (cut ? route.abort() : route.continue()));
    const upgraded = new Promise((resolve) => (inUse = resolve));
    await this.page.routeWebSocket(/socket\.io/, (toPage) => {
      const toServer = toPage.connectToServer();
      toPage.onMessage((packet) => {
        toServer.send(packet);
        if (packet === "5") inUse(); // Engine.IO: the upgrade is done
      });
      toServer.onMessage((packet) => {
        const ack = !lost && /^43\/chat,\d+\[\{"seq"/.test(packet);
        lost ||= ack;
        cut ||= ack;
        if (ack) toPage.close();
        else toPage.send(packet);
      });
    });
    return { upgraded, mend: () => (cut = false) };
  }

  /** Types until others have noticed: to a connection that is busy, the sign of it may be dropped. */
  async typesUntil(noticed) {
    for (const end = Date.now() + 300_000; !(await noticed()); ) {
      assert.ok(Date.now() < end, "nobody notices");
      await this.field().pressSequentially("a", { delay: 60 });
    }
  }

  /** Waits until the server has everything that was said. */
  async sent() {
    await this.log().getByText("Sending…").first().waitFor({ state: "detached" });
  }

  async go(name) {
    const item = this.item(name).first();
    const text = await item.innerText();
    await item.click();
    await this.page.waitForFunction((text) => text.includes(document.querySelector("h1").textContent), text); // it takes a while for a person
  }

  /** Joins a room of the list, and waits until it is open. */
  async join(name) {
    await this.item(new RegExp(`${name}.*Join`)).click();
    await this.page.getByRole("heading", { level: 1, name }).waitFor();
  }

  /** The item of a message in the list. */
  message = (text) => this.log().locator(".message").filter({ has: this.page.getByText(text, { exact: true }) });

  /** Chooses what to do with a message. */
  async choose(text, what) {
    await this.message(text).locator(".bubble").click({ position: { x: 4, y: 4 } });
    await this.message(text).getByRole("button", { name: what, exact: true }).click();
  }

  /** Forwards what somebody else said to a third person. */
  async forward(text, to) {
    await this.choose(text, "Forward");
    await this.page.getByRole("dialog").getByRole("button", { name: to }).click();
  }

  /** Opens the search, and searches for words. Without words it is for what was searched for before. */
  async search(words) {
    await this.page.getByRole("button", { name: "Search", exact: true }).click();
    const field = this.page.getByRole("searchbox", { name: "Words of a message" });
    await field.waitFor();
    if (words !== undefined) await field.fill(words);
    return field;
  }

  async nameRoom(name) {
    await this.page.getByLabel("New room").fill(name);
    await this.page.getByLabel("New room").press("Enter");
  }

  async createRoom(name) {
    await this.nameRoom(name);
    await this.page.getByRole("heading", { level: 1, name }).waitFor();
  }

  async chooseFile(name, mimeType, buffer) {
    await this.page.getByLabel("Files", { exact: true }).setInputFiles({ name, mimeType, buffer });
  }

  /** Drags a file over the page: the events say how far. */
  async drag(type, bytes, ...events) {
    const dataTransfer = await this.page.evaluateHandle(
      ([type, bytes]) => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([new Uint8Array(bytes)], "dragged", { type }));
        return transfer;
      },
      [type, [...bytes]],
    );
    for (const event of events) await this.page.dispatchEvent("nav", event, { dataTransfer });
  }

  async screenshot(name) {
    const directory = process.env.SCREENSHOTS;
    if (!directory) return;
    mkdirSync(directory, { recursive: true });
    await this.page.screenshot({ path: join(directory, `${name}.png`), animations: "disabled" });
  }
}

/** A picture of the wanted size, drawn by the browser itself. */
export async function drawPicture(browser, width, height) {
  const page = await browser.newPage({ viewport: { width, height } });
  await page.setContent(
    `<style>body{margin:0;background:linear-gradient(160deg,#0b7a6b,#f2c14e 70%,#e76f51)}
     i{position:absolute;left:58%;top:24%;width:90px;height:90px;border-radius:50%;background:#fff7d6}</style><i></i>`,
  );
  const png = await page.screenshot({ type: "png" });
  await page.close();
  return png;
}

/** A picture of the wanted size that can't be compressed. */
export async function drawNoise(browser, width, height) {
  const page = await browser.newPage({ viewport: { width, height } });
  await page.setContent(`<style>body{margin:0}canvas{display:block}</style><canvas width="${width}" height="${height}">`);
  await page.evaluate(() => {
    const canvas = document.querySelector("canvas");
    const paper = canvas.getContext("2d");
    const image = paper.createImageData(canvas.width, canvas.height);
    for (let i = 0; i < image.data.length; i++) image.data[i] = i % 4 === 3 ? 255 : Math.random() * 256;
    paper.putImageData(image, 0, 0);
  });
  const png = await page.screenshot({ type: "png" });
  await page.close();
  return png;
}

/** A drawing of three wheels, 420 by 150. */
export async function drawGears(browser) {
  const wheel = (x, y, r) =>
    `<g transform="translate(${x} ${y})" fill="none" stroke="#7a5a2c">
       <circle r="${r}" stroke-width="6"/><circle r="${r + 7}" stroke-width="7" stroke-dasharray="9 8.6"/>
       <circle r="${r / 5}" stroke-width="5"/></g>`;
  const page = await browser.newPage({ viewport: { width: 420, height: 150 } });
  await page.setContent(
    `<style>body{margin:0;background:#f4ead8}</style>
     <svg width="420" height="150">${wheel(130, 75, 40)}${wheel(222, 62, 26)}${wheel(298, 84, 30)}</svg>`,
  );
  const png = await page.screenshot({ type: "png" });
  await page.close();
  return png;
}
