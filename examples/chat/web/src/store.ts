// The state of the page, for React and for what isn't.

import { useSyncExternalStore } from "react";
import { initial, type State } from "./state";

let state = initial;
const listeners = new Set<() => void>();

export const current = (): State => state;

export function change(next: (state: State) => State): void {
  const before = state;
  state = next(state);
  if (state !== before) for (const listener of listeners) listener();
}

export function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const useChat = (): State => useSyncExternalStore(subscribe, current);

/** Whether there is a connection; renders only when that changes. */
export const useOnline = (): boolean => useSyncExternalStore(subscribe, () => state.link.status === "online");
