// Follows docs/chat.md, and talks over the server that it makes, with Chromium.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { chromium } from "playwright-core";
import { Reader } from "./page.mjs";

const text = readFileSync(new URL("../chat.md", import.meta.url), "utf8");
const root = new URL("../..", import.meta.url).pathname;
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const absent = !existsSync(executablePath) && `no Chromium at ${executablePath}: install it (Debian: apt-get install chromium) or name one in CHROMIUM`;
const skip = process.env.CI !== "true" && absent;

const file = (name) => text.match(new RegExp(`^\\*\\*\`${name}\`\\*\\*\n\n\`\`\`\\w+\n(.*?)^\`\`\`$`, "ms"))[1];

test("docs/chat.md", { skip, timeout: 1_200_000 }, async (t) => {
  const reader = new Reader();
  t.after(() => reader.end());
  await reader.begin();
  for (const command of ["mkdir chat", "cd chat", "go mod init chat"]) await reader.run(command);
  for (const [path, folder] of [["", ""], ["/chat", "chat"], ["/chat/sqlite", "chat/sqlite"]]) {
    const name = `github.com/goroomcast/socketio${path}`;
    await reader.shell(reader.chat, "go", "mod", "edit", `-require=${name}@v0.0.0`, `-replace=${name}=${join(root, folder)}`);
  }
  reader.write("main.go", file("main.go"));
  await reader.run("go mod tidy");
  await reader.startServer();

  await reader.run("npm create vite@latest web -- --template react-ts --no-interactive");
  for (const command of text.match(/^(?:mkdir web|install ).*$/gm)) await reader.shell(reader.chat, "sh", "-c", command);
  await reader.run("cd web");
  await reader.run("npm install");
  await reader.run("npm install socket.io-client");
  for (const name of ["src/session.ts", "src/App.tsx"]) reader.write(`web/${name}`, file(name));
  await reader.shell(reader.web, "npm", "run", "build");
  await reader.run("npm run dev");

  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  t.after(() => browser.close());
  const arrive = async (user) => {
    const page = await (await browser.newContext()).newPage();
    page.setDefaultTimeout(300_000); // for a busy machine
    await page.goto(`${reader.page}?user=${user}`);
    await page.getByRole("heading", { name: `general, as ${user}` }).filter({ hasNotText: "…" }).waitFor();
    return page;
  };
  const say = async (page, words) => {
    await page.locator("input").fill(words);
    await page.getByRole("button", { name: "Send" }).click();
  };
  const sees = (page, words) => page.locator("li", { hasText: words }).filter({ visible: true }).waitFor();
  const shown = (page) => page.locator("li").evaluateAll((all) => all.map((li) => li.textContent.match(/^\w+ (\w+)/)[1]));

  const [ann, bob] = [await arrive("ann"), await arrive("bob")];
  await say(ann, "hello");
  await sees(bob, "hello");
  await bob.getByRole("button", { name: "👍" }).click();
  await sees(ann, "👍 1");

  await reader.server.stop("SIGKILL");
  await ann.getByRole("heading", { name: "…" }).waitFor();
  for (const words of ["one", "two", "three"]) await say(ann, words);
  assert.equal(await ann.locator('li[style*="opacity"]').count(), 3, "three posts wait");
  await reader.restartServer();
  await sees(bob, "three");
  await ann.locator('li[style*="opacity"]').first().waitFor({ state: "detached" });
  for (const page of [ann, bob, await arrive("eve")]) {
    await sees(page, "three");
    assert.deepEqual(await shown(page), ["hello", "one", "two", "three"]);
  }
});
