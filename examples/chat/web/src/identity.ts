// Who the visitor is, kept by the browser: all its tabs are the same person, also after a reload.

import { dropDrafts } from "./drafts";

const NAME = "chat.name";
const KEY = "chat.key";

export const savedName = (): string => localStorage.getItem(NAME) ?? "";

export const saveName = (name: string): void => localStorage.setItem(NAME, name);

/**
 * Sent with the handshake, and with each request for a file, by a cookie. The key tells two people apart who ask for the
 * same name.
 */
export function credentials(): { name: string; key: string } {
  const all = { name: savedName(), key: secretKey() };
  document.cookie = `chat=${encodeURIComponent(JSON.stringify(all))}; path=/files; SameSite=Strict`;
  return all;
}

export function forget(): void {
  localStorage.removeItem(NAME);
  dropDrafts();
  document.cookie = "chat=; path=/files; max-age=0";
}

// Another tab has signed out, or in as somebody else.
addEventListener("storage", ({ key }) => {
  if (key !== NAME && key !== null) return;
  dropDrafts();
  location.reload();
});

function secretKey(): string {
  let key = localStorage.getItem(KEY);
  if (!key) {
    key = randomId();
    localStorage.setItem(KEY, key);
  }
  return key;
}

/** 128 random bits. crypto.randomUUID would need HTTPS when a phone opens the page by address. */
function randomId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) =>
    b.toString(16).padStart(2, "0"),
  ).join("");
}
