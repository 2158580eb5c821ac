import { type ReactNode, useEffect, useRef } from "react";
import { useRoom } from "roomcast-chat/react";
import { open, openPerson, signOut } from "../actions";
import type { Entry } from "../events";
import { chat } from "../session";
import { directWith, DIRECTORY, EVERYONE, kindOf, type Link, LOBBY, nameOf, unread } from "../state";
import { useChat } from "../store";
import { Avatar } from "./Avatar";
import { CloseIcon, HashIcon, LeaveIcon, MegaphoneIcon } from "./Icons";
import { NewRoom } from "./NewRoom";
import { Unread } from "./Unread";

export function Sidebar({ shown, close }: { shown: boolean; close: () => void }) {
  const state = useChat();
  const { me, rooms, members, presence } = state;
  const directory = useRoom(chat, DIRECTORY);
  const closer = useRef<HTMLButtonElement>(null);

  // As a menu on a narrow screen, it takes the focus and gives it back.
  useEffect(() => {
    if (!shown) return;
    const opener = document.activeElement as HTMLElement | null;
    closer.current?.focus();
    const onEscape = (e: KeyboardEvent) => e.key === "Escape" && close();
    document.addEventListener("keydown", onEscape);
    return () => {
      document.removeEventListener("keydown", onEscape);
      opener?.focus();
    };
  }, [shown, close]);

  useEffect(() => {
    if (directory.live && directory.older) void directory.loadOlder();
  }, [directory]);

  const here = state.link.status === "online"; // else the page doesn't know who is
  const joined = Object.values(rooms).filter((r) => kindOf(r) === "room");
  const named = directory.messages.map((m) => ({ id: (m.data as Entry).room, name: m.text ?? "" }));
  const others = named.filter((r) => !rooms[r.id]);
  const isThere = (name: string) => name === me || (presence[name] ?? "offline") !== "offline";
  const people = [...new Set([me, ...(members[LOBBY] ?? [])])].filter(isThere).sort(byName);
  const gone = Object.values(rooms).flatMap((r) => (r.with && !isThere(r.with) ? r.with : [])).sort(byName);

  const item = (id: string | undefined, icon: ReactNode, name: string, pick: () => void) => {
    const room = id === undefined ? undefined : rooms[id];
    return (
      <Item key={name} icon={icon} name={name} current={id !== undefined && state.current === id} pick={() => (pick(), close())}>
        {room && room.mentions > 0 && <Mentioned />}
        <Unread count={unread(room)} />
      </Item>
    );
  };
  const person = (name: string, online: boolean) => {
    const avatar = <Avatar who={name} presence={online && here ? (presence[name] ?? "online") : "offline"} />;
    return item(directWith(state, name)?.id, avatar, name === me ? `${name} (you)` : name, () => void openPerson(name));
  };

  return (
    <>
      {shown && <div className="scrim" onClick={close} />}
      <nav className={shown ? "sidebar shown" : "sidebar"} aria-label="Conversations">
        <header className="self">
          <Avatar who={me} />
          <span className="label">
            <strong dir="auto" title={me}>
              {me}
            </strong>
            <small>{status(state.link)}</small>
          </span>
          <button type="button" className="tool" onClick={signOut} title="Leave the chat">
            <LeaveIcon />
            <span className="hidden">Leave the chat</span>
          </button>
          <button ref={closer} type="button" className="tool narrow-only" onClick={close} title="Close the menu">
            <CloseIcon />
            <span className="hidden">Close the menu</span>
          </button>
        </header>

        <div className="lists">
          <ul>{item(EVERYONE, <MegaphoneIcon />, "Everyone", () => void open(EVERYONE))}</ul>

          <h2>Rooms</h2>
          <ul>
            {joined.sort(lobbyFirst).map((r) => item(r.id, <HashIcon />, nameOf(r, r.id), () => void open(r.id)))}
          </ul>
          {others.length > 0 && (
            <ul aria-label="Rooms to join">
              {others.map(({ id, name }) => (
                <Item key={id} faint icon={<HashIcon />} name={name} pick={() => (void open(id), close())}>
                  <span className="join">Join</span>
                </Item>
              ))}
            </ul>
          )}
          <NewRoom done={close} />

          <h2>People online</h2>
          {people.length < 2 && <p className="quiet">Nobody else is here yet.</p>}
          <ul aria-label="People online">{people.map((name) => person(name, true))}</ul>
          {gone.length > 0 && (
            <>
              <h2>Offline</h2>
              <ul aria-label="People offline">{gone.map((name) => person(name, false))}</ul>
            </>
          )}
        </div>
      </nav>
    </>
  );
}

interface ItemProps {
  icon: ReactNode;
  name: string;
  current?: boolean;
  faint?: boolean;
  pick: () => void;
  children: ReactNode;
}

function Item({ icon, name, current, faint, pick, children }: ItemProps) {
  return (
    <li>
      <button
        type="button"
        className={faint ? "item faint" : "item"}
        aria-current={current ? "page" : undefined}
        onClick={pick}
        title={name}
      >
        {icon}
        <span className="label" dir="auto">
          {name}
        </span>
        {children}
      </button>
    </li>
  );
}

/** Marks a room in which somebody has mentioned the visitor. */
const Mentioned = () => (
  <span className="mentioned" title="You are mentioned">
    @<span className="hidden"> mentions you </span>
  </span>
);

const byName = (a: string, b: string): number => a.localeCompare(b, undefined, { sensitivity: "base" });

const lobbyFirst = (a: { id: string }, b: { id: string }): number => Number(b.id === LOBBY) - Number(a.id === LOBBY);

function status(link: Link): string {
  return link.status === "online" ? "Online" : link.status === "connecting" ? "Connecting…" : "Offline";
}
