// The room in the page's address: #books is a room, #@Ada a conversation with somebody.

import { Refused } from "roomcast-chat";
import { words, wordsOf } from "./words";
import { greet } from "./people";
import { chat } from "./session";
import { directWith, kindOf, LOBBY, turnTo } from "./state";
import { change, current, subscribe } from "./store";

/** Turns to the room of an id, and says so in the address: in a new one, or instead of the one that the browser has. */
export function turn(id: string, instead = false): void {
  change((s) => turnTo(s, id));
  const room = current().rooms[id];
  const name = room?.with ?? (kindOf(room) === "notes" ? current().me : undefined);
  const hash = name === undefined ? `#${id}` : `#@${encodeURIComponent(name)}`;
  if (hash !== location.hash) history[instead ? "replaceState" : "pushState"](VISITED, "", hash);
  greet();
}

const VISITED = "visited"; // marks the addresses where the visitor has been in this tab

let wishes = 0;

/** Turns to a room as soon as it is there, unless the visitor has wished for another one meanwhile. */
export async function turnWhen(found: Promise<string>, instead = false): Promise<void> {
  const wish = ++wishes;
  try {
    const id = await found;
    if (wish === wishes) turn(id, instead);
  } catch (error) {
    if (wish === wishes) throw error;
  }
}

/** Turns to the lobby, because the visitor isn't in the current room any longer. */
export function turnAway(why = ""): void {
  turn(LOBBY, true);
  if (why !== "leave") change((s) => ({ ...s, notice: GONE[why] ?? "You are no longer in the room." }));
}

const GONE: Record<string, string> = { kick: "You were removed from the room.", ban: "You may not enter the room any longer.", deleted: "The room was deleted." };

/** Turns to what an address names. */
export async function goTo(hash: string): Promise<void> {
  try {
    const place = decodeURIComponent(hash.slice(1)) || LOBBY; // throws, if somebody has mistyped it
    await turnWhen(place.startsWith("@") ? direct(place.slice(1)) : joined(place), true);
  } catch (error) {
    turn(LOBBY, true);
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

// Back and Forward lead to where the visitor has been, but not into a room that they have left since.
addEventListener("popstate", ({ state }) => {
  const { me, rooms } = current();
  const room = location.hash.slice(1);
  if (me && state === VISITED && room && !room.startsWith("@") && !rooms[room]) return turnAway();
  void goTo(location.hash);
});
