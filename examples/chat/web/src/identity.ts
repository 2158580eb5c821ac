// Who the visitor is, kept by the browser: all its tabs are the same person, also after a reload.

const NAME = "chat.name";
const KEY = "chat.key";
const ROOMS = "chat.rooms";

export const savedName = (): string => localStorage.getItem(NAME) ?? "";

export const saveName = (name: string): void => localStorage.setItem(NAME, name);

export const savedRooms = (): string[] => JSON.parse(localStorage.getItem(ROOMS) ?? "[]");

export const saveRooms = (rooms: string[]): void =>
  localStorage.setItem(ROOMS, JSON.stringify(rooms));

/** Sent with the handshake. The key tells two people apart who ask for the same name. */
interface Credentials {
  name: string;
  key: string;
  rooms: string[];
}

export function credentials(): Credentials {
  return { name: savedName(), key: secretKey(), rooms: savedRooms() };
}

export function forget(): void {
  localStorage.removeItem(NAME);
  localStorage.removeItem(ROOMS);
}

function secretKey(): string {
  let key = localStorage.getItem(KEY);
  if (!key) {
    key = randomId();
    localStorage.setItem(KEY, key);
  }
  return key;
}

/** 128 random bits. crypto.randomUUID would need HTTPS when a phone opens the page by address. */
export function randomId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) =>
    b.toString(16).padStart(2, "0"),
  ).join("");
}
