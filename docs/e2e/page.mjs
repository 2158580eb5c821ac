// Does what docs/tutorial.md tells its reader to do: writes its files, runs its commands.
//
// Four things differ from the reader's machine. The ports are free ones; a relay stands between the page and the server, so that
// a test can cut the connection; the library comes from this repository; npm's packages come from package-lock.json beside this file.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = join(HERE, "../..");
export const MODULES = join(HERE, "node_modules");

/** Returns the steps of a page: their titles, and their files and commands in order. */
export function stepsOf(text) {
  return text
    .split(/^## (?=\d+\. )/m)
    .slice(1)
    .map((section) => {
      const parts = [];
      for (const [, file, language, body] of section.matchAll(/(?:^\*\*`([^`]+)`\*\*\n\n)?^```(\w+)\n(.*?)^```$/gms)) {
        if (file) parts.push({ file, body });
        else if (language === "sh") parts.push(...body.trim().split("\n").map((command) => ({ command })));
        else throw new Error(`a block of ${language} without a file's name:\n${body}`);
      }
      return { title: section.split("\n", 1)[0], parts };
    });
}

/** The reader: has a folder, a terminal for the server and one for the page. */
export class Reader {
  constructor() {
    this.dir = this.at = mkdtempSync(join(tmpdir(), "tutorial-"));
    this.env = { ...process.env, GOWORK: "off", GOFLAGS: "-mod=mod" };
  }

  async begin() {
    this.server = new Program(await freePort());
    this.vite = new Program(await freePort());
    this.relay = new Relay(this.server.port);
    await this.relay.begin();
  }

  async end() {
    await this.server?.stop();
    await this.vite?.stop();
    await this.relay?.end();
    rmSync(this.dir, { recursive: true, force: true });
  }

  get page() {
    return `http://localhost:${this.vite.port}/`;
  }

  /** Does a step. Then all that it wrote has been compiled, and the server and the page are those of the step. */
  async follow({ parts }) {
    this.output = "";
    const written = { go: false, web: false };
    for (const { file, body, command } of parts) {
      if (command) await this.run(command);
      else written[this.write(file, body)] = true;
    }
    const done = (what) => parts.some(({ command }) => command?.includes(what)); // by the page's own commands
    await Promise.all([
      written.web && !done("run build") && this.shell(this.web, "npm", "run", "build"),
      written.go && !done("go run") && !done("./chat") && this.startServer(),
    ]);
  }

  get chat() {
    return join(this.dir, "chat");
  }

  get web() {
    return join(this.chat, "web");
  }

  write(file, body) {
    const path = join(this.chat, file);
    const go = !file.startsWith("web/");
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, this.withPorts(body, go));
    return go ? "go" : "web";
  }

  withPorts(text, ofServer) {
    return text
      .replaceAll("localhost:3000", `localhost:${ofServer ? this.server.port : this.relay.port}`)
      .replaceAll("localhost:5173", `localhost:${this.vite.port}`);
  }

  async run(command) {
    const words = command.split(" ").map((word) => word.replaceAll("'", ""));
    const rest = words.slice(1);
    switch (words.slice(0, 2).join(" ")) {
      case "mkdir chat":
        return mkdirSync(join(this.at, "chat"));
      case "cd chat":
      case "cd web":
        return void (this.at = join(this.at, rest[0]));
      case "go mod":
      case "go build":
        return this.shell(this.chat, "go", ...rest);
      case "go get":
        await this.shell(this.at, "go", "mod", "edit", `-require=${rest[1]}@v0.0.0`, `-replace=${rest[1]}=${ROOT}`);
        return writeFileSync(join(this.at, "go.sum"), readFileSync(join(ROOT, "go.sum")));
      case "go run":
        return this.startServer();
      case "./chat -addr":
        return this.server.start(join(this.chat, "chat"), ["-addr", this.withPorts(rest[1], true)], { cwd: tmpdir() }, /listening/);
      case "npm create":
        assert.equal(rest[1], "vite@latest");
        return this.shell(this.at, join(MODULES, ".bin/create-vite"), ...rest.slice(2).filter((word) => word !== "--"));
      case "npm install":
        return rest[1] ? this.add(rest[1]) : this.install();
      case "npm run":
        return this.vite.start("npm", ["run", rest[1], "--", "--port", String(this.vite.port), "--strictPort"], { cwd: this.at }, /ready in/);
      case "npm --prefix":
        return this.shell(this.chat, "npm", ...rest);
    }
    if (words[0] === "curl") return this.shell(this.at, "curl", "-sS", ...rest.map((word) => this.withPorts(word, false)));
    throw new Error(`docs/tutorial.md has a command that its test does not know: ${command}`);
  }

  async startServer(ready) {
    await this.server.stop();
    await this.shell(this.chat, "go", "build", "-o", "server", ".");
    await this.restartServer(ready);
  }

  restartServer(ready = /listening/) {
    return this.server.start(join(this.chat, "server"), [], { cwd: this.chat }, ready);
  }

  /** npm install: the packages that the template asks for, of the versions in our lock file. */
  install() {
    const { dependencies, devDependencies } = this.packages();
    for (const [name, range] of Object.entries({ ...dependencies, ...devDependencies })) {
      if (name === "oxlint") continue; // only for "npm run lint"
      assert.equal(locked[name], range, `create-vite's template wants ${name} ${range}: say so in docs/e2e/package.json, too`);
    }
    mkdirSync(join(this.web, "node_modules"));
    for (const name of readdirSync(MODULES)) symlinkSync(join(MODULES, name), join(this.web, "node_modules", name));
  }

  add(name) {
    const all = this.packages();
    assert.ok(locked[name], `${name} is not in docs/e2e/package.json`);
    all.dependencies[name] = locked[name];
    writeFileSync(join(this.web, "package.json"), JSON.stringify(all, null, 2));
  }

  packages() {
    return JSON.parse(readFileSync(join(this.web, "package.json"), "utf8"));
  }

  async shell(cwd, command, ...args) {
    try {
      const { stdout, stderr } = await promisify(execFile)(command, args, { cwd, env: this.env, timeout: 300_000 });
      this.output += stdout + stderr;
    } catch (error) {
      throw new Error(`${command} ${args.join(" ")}: ${error.message}\n${error.stdout}${error.stderr}`);
    }
  }
}

/** A program that the reader starts, and starts again. */
export class Program {
  constructor(port) {
    this.port = port;
    this.log = "";
  }

  async start(command, args, options, ready) {
    await this.stop();
    this.log = "";
    this.child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"], detached: true });
    this.ended = once(this.child, "exit");
    this.child.stdout.on("data", (text) => (this.log += text));
    this.child.stderr.on("data", (text) => (this.log += text));
    await this.logs(ready);
  }

  /** Waits until the program has logged it. */
  async logs(pattern) {
    await until(() => pattern.test(this.log) || this.child.exitCode !== null, () => `no ${pattern} in the log:\n${this.log}`);
    assert.match(this.log, pattern);
  }

  /** Ends the program with all that it has started, and returns its exit code. */
  async stop(signal = "SIGTERM") {
    if (!this.child) return;
    const child = this.child;
    this.child = undefined;
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid, signal);
    const [code] = await this.ended;
    return code;
  }
}

/** Stands between the page and the server. */
class Relay {
  constructor(to) {
    this.to = to;
    this.sockets = new Set();
    this.open = true;
  }

  async begin() {
    this.listener = createServer((from) => {
      if (!this.open) return from.destroy();
      const to = connect(this.to, "127.0.0.1");
      for (const socket of [from, to]) {
        this.sockets.add(socket);
        socket.on("error", () => {});
        socket.on("close", () => {
          from.destroy();
          to.destroy();
          this.sockets.delete(socket);
        });
      }
      from.pipe(to).pipe(from);
    }).listen(0, "localhost");
    await once(this.listener, "listening");
    this.port = this.listener.address().port;
  }

  cut() {
    this.open = false;
    for (const socket of this.sockets) socket.destroy();
  }

  mend() {
    this.open = true;
  }

  async end() {
    this.cut();
    this.listener.close();
  }
}

export async function until(condition, complaint) {
  for (const end = Date.now() + 300_000; !(await condition()); await new Promise((next) => setTimeout(next, 20))) {
    if (Date.now() > end) throw new Error(complaint());
  }
}

/** A port below those that systems give to connections, so that it stays free while the program does not run. */
async function freePort() {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    const server = createServer().listen(port, "localhost");
    const free = await once(server, "listening").then(() => true, () => false);
    if (!free) continue;
    server.close();
    await once(server, "close");
    return port;
  }
}

const locked = JSON.parse(readFileSync(join(HERE, "package.json"), "utf8")).devDependencies;
