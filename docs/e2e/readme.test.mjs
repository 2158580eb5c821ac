// Runs the server and the client of README as they are written, but for the port.

import assert from "node:assert/strict";
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { MODULES, Program, Reader } from "./page.mjs";

const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
const block = (language) => readme.match(new RegExp(`^\`\`\`${language}\n(package main.*?|import.*?)^\`\`\`$`, "ms"))[1];

test("README's first server and client", { timeout: 900_000 }, async (t) => {
  const reader = new Reader();
  t.after(() => reader.end());
  await reader.begin();
  for (const command of ["mkdir chat", "cd chat", "go mod init example", "go get github.com/goroomcast/socketio"]) await reader.run(command);
  reader.write("main.go", block("go"));
  await reader.startServer(/^/); // it logs nothing

  symlinkSync(MODULES, join(reader.chat, "node_modules"));
  writeFileSync(join(reader.chat, "client.mjs"), reader.withPorts(block("js"), true));
  const client = new Program();
  t.after(() => client.stop());
  await client.start("node", ["client.mjs"], { cwd: reader.chat }, /hello, me/);
  const [welcome, message, direct] = client.log.trim().split("\n").filter((line) => line !== "xhr poll error"); // before the server listens
  assert.equal(welcome, "welcome to lobby");
  assert.equal(message, "lobby hello");
  assert.match(direct, /^\S+ hello, me$/);
});
