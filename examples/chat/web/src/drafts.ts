// What was begun in each room, for when the visitor comes back to it, or to the page after a reload.

const PREFIX = "draft ";

export const draftOf = (room: string): string => sessionStorage.getItem(PREFIX + room) ?? "";

export function keepDraft(room: string, text: string): void {
  try {
    if (text) sessionStorage.setItem(PREFIX + room, text);
    else sessionStorage.removeItem(PREFIX + room);
  } catch {
    // The storage is full: the draft does not survive a reload.
  }
}

export function dropDrafts(): void {
  for (const key of Object.keys(sessionStorage)) if (key.startsWith(PREFIX)) sessionStorage.removeItem(key);
}
