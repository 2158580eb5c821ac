// A stretch of network between clients and the server under test, which a scenario can clog or take away.
import { once } from "node:events";
import net from "node:net";

const server = new URL(process.env.URL);

export class Relay {
  #pairs = new Set();
  #held = false;
  #port;
  #listener = net.createServer((near) => this.#join(near, net.connect(Number(server.port), server.hostname)));

  // A relay for the time of test t.
  static async open(t) {
    const relay = new Relay();
    t.after(() => relay.remove());
    do relay.#port = 10_000 + Math.floor(Math.random() * 20_000); // below those that systems give to connections: it stays free
    while (!(await relay.restore().then(() => true, () => false)));
    return relay;
  }

  get url() {
    return `http://127.0.0.1:${this.#port}`;
  }

  #join(near, far) {
    const pair = { near, far };
    this.#pairs.add(pair);
    const part = () => {
      near.destroy();
      far.destroy();
      this.#pairs.delete(pair);
    };
    for (const side of [near, far]) side.on("error", part).on("close", part);
    near.pipe(far);
    if (!this.#held) far.pipe(near);
  }

  // Lets nothing through to the clients until release.
  hold() {
    this.#held = true;
    for (const { near, far } of this.#pairs) far.unpipe(near).pause();
  }

  release() {
    this.#held = false;
    for (const { near, far } of this.#pairs) far.pipe(near);
  }

  // Resets all connections and refuses new ones, until restore listens at the same address again.
  remove() {
    for (const { near, far } of this.#pairs) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
    return new Promise((resolve) => this.#listener.close(resolve));
  }

  async restore() {
    this.#listener.listen(this.#port, server.hostname);
    await once(this.#listener, "listening");
  }
}
