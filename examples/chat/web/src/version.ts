// Notices that the server has a newer version of this page than the one that the tab shows.

import { chat } from "./session";
import { change } from "./store";

const own = document.querySelector("script[type=module][src*='/assets/']")?.getAttribute("src"); // its name says what is in it

/** Looks whether the server's page has the same script. */
async function look(): Promise<void> {
  const answer = await fetch("/", { cache: "no-cache" });
  const page = await answer.text();
  if (own && answer.ok && page.includes("/assets/")) change((s) => ({ ...s, stale: !page.includes(own) }));
}

let again = false;

// A new version comes with another server.
chat.socket.on("ready", () => {
  if (again) void look().catch(() => {}); // at the next time
  again = true;
});
