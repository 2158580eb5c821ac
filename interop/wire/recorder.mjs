// Records what a server puts on the wire, and compares Roomcast's record with that of npm's server.
import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import test from "node:test";
import { WebSocket } from "ws";

// The addresses of either's servers, one for each set of options (wire_test.go).
const [roomcast, node] = [process.env.ROOMCAST, process.env.NODE].map((urls) => {
  if (!urls) throw new Error("ROOMCAST and NODE: set the addresses of the servers; go test does");
  return JSON.parse(urls);
});

// compare runs a script against both servers and wants the same record of both. Where they differ on purpose, differs
// lists what of Node's record stands differently in Roomcast's: see differences.mjs.
export function compare(name, options, script) {
  if (!script) [options, script] = [{}, options];
  const { server = "plain", differs = [] } = options;
  test(name, { timeout: 250_000 }, async () => {
    let [ours, theirs] = await Promise.all([roomcast, node].map((urls) => record(urls[server], script)));
    assert.match(theirs, /^(\w+ )?< /m, "the server says nothing");
    for (const { what, there, here } of differs) {
      const translated = theirs.replace(there, here);
      assert.notEqual(translated, theirs, `Node's server does not differ: ${what}`);
      theirs = translated;
    }
    assert.equal(ours, theirs); // "actual" is Roomcast's, "expected" Node's
  });
}

async function record(url, script) {
  const wire = new Wire(url);
  let late = false;
  const limit = setTimeout(() => {
    late = true;
    wire.close(); // which ends all waiting
  }, 100_000);
  try {
    await script(wire);
    assert.ok(!late, "more was awaited than came");
  } catch (error) {
    throw new Error(`${error.message}\nat ${url}, after\n${wire}`, { cause: error });
  } finally {
    clearTimeout(limit);
    wire.close();
  }
  return String(wire);
}

// What belongs to HTTP servers and not to Socket.IO.
const unsaid = new Set(["date", "connection", "keep-alive", "content-length", "transfer-encoding", "sec-websocket-accept"]);

class Wire {
  #lines = [];
  #open = [];

  constructor(url) {
    this.url = url;
  }

  note(line) {
    this.#lines.push(line);
  }

  // The record, with names for what is another each time.
  toString() {
    let text = this.#lines.join("\n").replaceAll(new URL(this.url).host, "<host>");
    const ids = new Set(Array.from(text.matchAll(/\\?"sid\\?":\\?"([^"\\]+)/g), ([, id]) => id));
    let n = 0;
    for (const id of ids) text = text.replaceAll(id, `<id ${++n}>`).replaceAll(encodeURIComponent(id), `<id ${n}>`);
    // The ids of the server's calls begin anywhere; here they begin at 0.
    const calls = /^((?:\w+ )?(?:< 4(?:2|5\d+-)|> 4(?:3|6\d+-)))(\d+)(?=\[)/gm;
    const first = Math.min(...Array.from(text.matchAll(calls), ([, , id]) => Number(id)));
    return text.replaceAll(calls, (_, before, id) => before + (id - first));
  }

  // One HTTP request, and its answer with all headers. The answer's status and body are returned.
  async request(method, query, { headers = {}, body, path = "/socket.io/", show = true } = {}) {
    const target = path + (query && `?${query}`);
    if (show) this.note(`> ${method} ${target}${body === undefined ? "" : ` ${printable(body)}`}`);
    const signal = AbortSignal.timeout(100_000);
    const request = http.request(this.url + target, { method, headers, agent: false, signal });
    request.end(body);
    const [answer] = await once(request, "response");
    const said = await drain(answer);
    if (show) {
      this.note(`< ${answer.statusCode}`);
      for (const line of headerLines(answer)) this.note(line);
      this.note(printable(said));
    }
    return { status: answer.statusCode, body: said };
  }

  // A session over polling. The record has its packets one by one, as servers may answer with any number at once.
  async poll(query = "EIO=4") {
    const session = new Polling(this, `${query}&transport=polling`);
    await session.open();
    return session;
  }

  // A WebSocket; in the record its lines begin with its name.
  async websocket(query = "EIO=4", { name = "", ...options } = {}) {
    const target = `/socket.io/?${query}&transport=websocket`;
    const prefix = name && `${name} `;
    this.note(`${prefix}> WebSocket ${target}`);
    const socket = new Socket(this, prefix, new WebSocket(this.url.replace("http", "ws") + target, options));
    this.#open.push(socket);
    await socket.opened;
    return socket;
  }

  // A WebSocket whose session is open and in the main namespace.
  async connected(query = "EIO=4", options) {
    const socket = await this.websocket(query, options);
    await socket.receive(); // OPEN
    socket.send("40");
    socket.id = /"sid":"([^"]+)"/.exec(await socket.answeringPings())[1];
    return socket;
  }

  close() {
    for (const socket of this.#open) socket.terminate();
  }
}

class Polling {
  #wire;
  #query;
  #queue = [];

  constructor(wire, query) {
    this.#wire = wire;
    this.#query = query;
  }

  async open() {
    this.#wire.note(`> GET ${this.#query}`);
    const [open] = await this.packets();
    this.#wire.note(`< ${open}`);
    this.sid = JSON.parse(open.slice(1)).sid;
    this.#query += `&sid=${this.sid}`;
  }

  // The packets of one poll, of which nothing is noted.
  async packets() {
    const { status, body } = await this.#wire.request("GET", this.#query, { show: false });
    if (status === 200) return String(body).split("\x1e");
    this.#queue.push(`< ${status} ${body}`.trimEnd());
    return [];
  }

  // The request's own answer, as it is; for what is wrong with it.
  request(method, options) {
    return this.#wire.request(method, this.#query, options);
  }

  async post(...packets) {
    const body = packets.join("\x1e");
    this.#wire.note(`> ${printable(Buffer.from(body))}`);
    const answer = await this.#wire.request("POST", this.#query, { body, show: false });
    if (answer.status !== 200) this.#wire.note(`< ${answer.status} ${answer.body}`.trimEnd());
  }

  // Polls until there are n packets, or an answer that is an error.
  async receive(n = 1) {
    for (; n > 0; n--) {
      while (this.#queue.length === 0) this.#queue.push(...(await this.packets()).map((packet) => `< ${packet}`));
      this.#wire.note(this.#queue.shift());
    }
  }

  pong() {
    return this.#wire.request("POST", this.#query, { body: "3", show: false });
  }

  // Joins a namespace, and answers the PINGs before the server's answer; nothing of them is noted.
  async connect(packet = "40") {
    await this.post(packet);
    for (;;) {
      if (this.#queue.length === 0) this.#queue.push(...(await this.packets()).map((packet) => `< ${packet}`));
      else if (this.#queue[0] !== "< 2") return this.receive();
      else if (this.#queue.shift()) await this.pong();
    }
  }
}

class Socket {
  #wire;
  #prefix;
  #ws;
  #received = [];
  #wake = () => {};
  #over = false;

  constructor(wire, prefix, ws) {
    this.#wire = wire;
    this.#prefix = prefix;
    this.#ws = ws;
    ws.on("message", (data, binary) => this.#push(binary ? data : String(data)));
    ws.on("close", (code, reason) => this.#push({ closed: `closed ${code} ${reason}`.trimEnd() }));
    ws.on("error", () => {}); // "close" follows
    this.opened = new Promise((resolve) => {
      ws.on("upgrade", (answer) => {
        this.#note(`< ${answer.statusCode}`);
        for (const line of headerLines(answer)) this.#note(line);
        resolve();
      });
      ws.on("unexpected-response", async (_, answer) => {
        this.#note(`< ${answer.statusCode}`);
        for (const line of headerLines(answer)) this.#note(line);
        this.#note(printable(await drain(answer)).trimEnd());
        ws.terminate();
        resolve();
      });
    });
  }

  #note(line) {
    this.#wire.note(this.#prefix + line);
  }

  #push(message) {
    this.#received.push(message);
    this.#wake();
  }

  // Sends messages: strings as text, Buffers as binary.
  send(...messages) {
    for (const message of messages) {
      this.#note(`> ${printable(message)}`);
      this.#ws.send(message);
    }
  }

  // The next message. The end counts as one, the last.
  async next() {
    assert.ok(!this.#over, "waiting for messages after the end");
    while (this.#received.length === 0) await new Promise((resolve) => (this.#wake = resolve));
    const message = this.#received.shift();
    this.#over = Boolean(message.closed);
    return message;
  }

  // Notes the next n messages, and returns the last.
  async receive(n = 1) {
    let message;
    for (; n > 0; n--) {
      message = await this.next();
      this.#note(`< ${message.closed ?? printable(message)}`);
    }
    return message;
  }

  // Answers PINGs, of which nothing is noted, until there is another message; notes that, and returns it.
  async answeringPings() {
    let message = await this.next();
    for (; message === "2"; message = await this.next()) this.#ws.send("3");
    this.#note(`< ${message.closed ?? printable(message)}`);
    return message;
  }

  // Sends, and notes n answers.
  async ask(message, n = 1) {
    this.send(message);
    await this.receive(n);
  }

  // Asks until this is the answer, and notes both once: what another client has done may show a moment later.
  async askUntil(message, answer) {
    this.#note(`> ${printable(message)}`);
    let got;
    do {
      this.#ws.send(message);
      got = await this.next();
    } while (got !== answer && !got.closed);
    this.#note(`< ${got.closed ?? printable(got)}`);
  }

  // Closes the WebSocket, and waits until the server has done so too.
  async close(code) {
    this.#note(`> close ${code ?? ""}`.trimEnd());
    this.#ws.close(code);
    await this.receive();
  }

  terminate() {
    this.#ws.terminate();
  }
}

async function drain(answer) {
  const chunks = [];
  for await (const chunk of answer) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function headerLines({ headers }) {
  return Object.keys(headers).sort().filter((name) => !unsaid.has(name)).map((name) => `  ${name}: ${headers[name]}`);
}

// Text as it is, other bytes in hexadecimal.
function printable(data) {
  if (typeof data === "string") return data.replaceAll("\x1e", "␞");
  const text = data.toString();
  return Buffer.from(text).equals(data) && !/[\x00-\x09\x0b-\x1d]/.test(text)
    ? text.replaceAll("\x1e", "␞")
    : `<${data.toString("hex")}>`;
}
