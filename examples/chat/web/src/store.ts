// The state of the page, for React and for what isn't.

import { useSyncExternalStore } from "react";
import { initial, type State } from "./state";

let state = initial;
const listeners = new Set<() => void>();

export const current = (): State => state;

export function change(next: (state: State) => State): void {
  const before = state;
  state = next(state);
  if (state !== before) tellSoon();
}

let telling = false;

/** Tells the listeners once a frame: a hundred messages that come together are shown together. */
function tellSoon(): void {
  if (telling) return;
  telling = true;
  const tell = () => {
    if (!telling) return;
    telling = false;
    for (const listener of listeners) listener();
  };
  requestAnimationFrame(tell);
  setTimeout(tell, 100); // a tab in the background has no frames
}

export function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const useChat = (): State => useSyncExternalStore(subscribe, current);

/** Whether there is a connection; renders only when that changes. */
export const useOnline = (): boolean => useSyncExternalStore(subscribe, () => state.link.status === "online");
