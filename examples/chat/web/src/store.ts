// The state of the page, for useSyncExternalStore.

import { useSyncExternalStore } from "react";
import { initial, type State } from "./state";

let state = initial;
const listeners = new Set<() => void>();

export const current = (): State => state;

export function change(next: (state: State) => State): void {
  state = next(state);
  for (const listener of listeners) listener();
}

export function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const useChat = (): State => useSyncExternalStore(subscribe, current);
