// The server's refusals in words. Each has a code, and perhaps a text that the program has written for people.

import { Refused, type Refusal } from "roomcast-chat";

const WORDS: Record<string, string> = {
  too_large: "This is too large.",
  forbidden: "You may not do that.",
  not_member: "You are not in this room.",
  banned: "You may not enter this room.",
  blocked: "This person doesn't want messages from you.",
  not_found: "There is no such room or message.",
  muted: "You may not write at the moment.",
  conflict: "The message has changed meanwhile.",
  gone: "The message is deleted.",
};

export const words = ({ code, text }: Refusal): string =>
  (code === "refused" && text) || WORDS[code] || "The server can't do that.";

export function wordsOf(error: unknown): string {
  return error instanceof Refused ? words({ ...error.data, text: error.message }) : "The server doesn't answer.";
}
