// Up to when the visitor has read, kept by the browser: its tabs show the same numbers, also after a reload.

import type { State } from "./state";
import { change, current, subscribe } from "./store";

const READ = "chat.read";

const saved = (): State["read"] => JSON.parse(localStorage.getItem(READ) ?? "{}");

function catchUp(): void {
  const elsewhere = saved();
  change((s) => {
    const read = { ...s.read };
    for (const [key, until] of Object.entries(elsewhere)) read[key] = Math.max(until, read[key] ?? 0);
    return { ...s, read };
  });
}

catchUp();
addEventListener("storage", (event) => event.key === READ && catchUp());

let before = current().read;
subscribe(() => {
  const { read } = current();
  if (read === before) return;
  before = read;
  const text = JSON.stringify(read);
  if (text !== localStorage.getItem(READ)) localStorage.setItem(READ, text);
});
