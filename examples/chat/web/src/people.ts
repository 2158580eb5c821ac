// Who is in the rooms that the page shows, and who of them is there. Everybody is in the lobby, so its members are the
// people of the chat.

import { chat } from "./session";
import { LOBBY, type Presence } from "./state";
import { change, current } from "./store";

export interface Sighting {
  id: string;
  state: Presence;
}

const WATCHED = 200; // people, as many as a device may watch
const PAUSE = 300; // ms, in which people that come together are asked for together

chat.room(LOBBY).subscribe(() => {}); // the page always follows it, to see who comes

let timer: ReturnType<typeof setTimeout> | undefined;

/** Asks for the people of the lobby and of the current room, after each connection and when the visitor turns to a room. */
export function greet(): void {
  clearTimeout(timer);
  timer = setTimeout(async () => {
    const rooms = [...new Set([LOBBY, current().current])];
    await Promise.all(rooms.map(ask));
    void watch();
  }, PAUSE);
}

async function ask(room: string): Promise<void> {
  const { members } = await chat
    .call<{ members: { user: string }[] }>("members", { room, limit: WATCHED })
    .catch(() => ({ members: [] }));
  change((s) => ({ ...s, members: { ...s.members, [room]: members.map((m) => m.user) } }));
}

/** Notes who has come into a room, or has left it. */
export function meet(room: string, members: { user: string; role: string }[]): void {
  change((s) => {
    const known = new Set(s.members[room]);
    for (const { user, role } of members) {
      if (role) known.add(user);
      else known.delete(user);
    }
    return { ...s, members: { ...s.members, [room]: [...known] } };
  });
  greet();
}

/** Asks for the presence of the people that the page shows; the server tells what changes. */
async function watch(): Promise<void> {
  const { me, rooms, members, current: shown } = current();
  const direct = Object.values(rooms).flatMap((r) => r.with ?? []);
  const all = new Set([me, ...direct, ...(members[shown] ?? []), ...(members[LOBBY] ?? [])]);
  const { users } = await chat.call<{ users: Sighting[] }>("watch", { users: [...all].slice(0, WATCHED) });
  see(users);
}

export function see(users: Sighting[]): void {
  change((s) => ({ ...s, presence: { ...s.presence, ...Object.fromEntries(users.map((u) => [u.id, u.state])) } }));
}
