// The room in the page's address: #books is a room, #@Ada a conversation with somebody.

import { Refused } from "roomcast-chat";
import { words, wordsOf } from "./words";
import { greet } from "./people";
import { chat } from "./session";
import { directWith, kindOf, LOBBY, turnTo } from "./state";
import { change, current, subscribe } from "./store";

/** Turns to the room of an id, and says so in the address. */
export function turn(id: string): void {
  change((s) => turnTo(s, id));
  const room = current().rooms[id];
  const name = room?.with ?? (kindOf(room) === "notes" ? current().me : undefined);
  const hash = name === undefined ? `#${id}` : `#@${encodeURIComponent(name)}`;
  if (hash !== location.hash) history.pushState(null, "", hash);
  greet();
}

/** Turns to what an address names. */
export async function goTo(hash: string): Promise<void> {
  try {
    const place = decodeURIComponent(hash.slice(1)) || LOBBY; // throws, if somebody has mistyped it
    turn(place.startsWith("@") ? await direct(place.slice(1)) : await joined(place));
  } catch (error) {
    turn(LOBBY);
    const wrong = error instanceof URIError || (error instanceof Refused && error.data.code === "bad_request");
    change((s) => ({ ...s, notice: wrong ? words({ code: "not_found" }) : wordsOf(error) }));
  }
}

/** Becomes a member of a room. */
export async function joined(room: string): Promise<string> {
  if (!current().rooms[room]) await chat.call("join", { room });
  return listed(room);
}

/** Waits until a room is in the visitor's list, which the server sends by itself. */
export function listed(room: string): Promise<string> {
  return new Promise((resolve) => {
    const look = () => {
      if (!current().rooms[room]) return;
      end();
      resolve(room);
    };
    const end = subscribe(look);
    look();
  });
}

/** The id of the direct room with somebody. With themselves people have notes. */
export async function direct(person: string): Promise<string> {
  const known = directWith(current(), person);
  if (known) return known.id;
  const made = await (person === current().me
    ? chat.call<{ room: string }>("create", { cid: "notes", kind: "closed", info: "Notes" })
    : chat.call<{ room: string }>("direct", { user: person }));
  return listed(made.room);
}

addEventListener("popstate", () => void goTo(location.hash));
