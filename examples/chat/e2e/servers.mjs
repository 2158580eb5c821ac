// The programs under test: the chat server and Vite's dev server, each on a port of its own.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const HOST = "127.0.0.1";

/** A port below those that systems give to connections, so that it stays free while the program does not run. */
export async function freePort() {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    const server = createServer().listen(port, HOST);
    const free = await once(server, "listening").then(() => true, () => false);
    if (!free) continue;
    server.close();
    await once(server, "close");
    return port;
  }
}

const files = mkdtempSync(join(tmpdir(), "chat-"));
process.once("exit", () => rmSync(files, { recursive: true }));

/**
 * Starts the chat (its path is in CHAT_BIN) and waits until it says where it listens. What was said is kept for the next
 * server at the same port. People may write as fast as they can.
 */
export async function startChat(port, ...flags) {
  const binary = process.env.CHAT_BIN;
  if (!binary) throw new Error("CHAT_BIN must hold the path of the built chat: use make test-e2e");
  const always = ["-addr", `${HOST}:${port}`, "-db", join(files, `${port}.db`), "-files", join(files, `${port}`), "-rate", "100000"];
  return start(binary, [...always, ...flags], process.env);
}

/** Starts Vite's dev server for a chat at another port, hence another origin. */
export async function startVite(port, chatPort) {
  const web = new URL("../web/", import.meta.url);
  const env = { ...process.env, VITE_CHAT_SERVER: `http://${HOST}:${chatPort}` };
  return start("node_modules/.bin/vite", ["--host", HOST, "--port", String(port)], env, web);
}

async function start(command, args, env, cwd) {
  const child = spawn(command, args, { env, cwd, stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  process.once("exit", () => child.kill("SIGKILL")); // also after a test that has failed
  const url = await Promise.race([addressPrinted(child), ended.then(() => undefined)]);
  if (!url) throw new Error(`${command} ended before it listened`);
  return {
    url,
    freeze: () => child.kill("SIGSTOP"),
    thaw: () => child.kill("SIGCONT"),
    async kill(signal = "SIGKILL") {
      child.kill(signal);
      const [code] = await ended;
      return code;
    },
  };
}

async function addressPrinted(child) {
  for await (const line of createInterface({ input: child.stdout })) {
    const plain = line.replace(/\x1b\[\d*m/g, "");
    const found = plain.match(/http:\/\/[\w.]+:\d+/);
    if (found) {
      child.stdout.resume();
      return found[0];
    }
  }
}
