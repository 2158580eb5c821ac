import { type ReactNode, useEffect, useRef } from "react";
import { joinRoom, open, showNotice, signOut } from "../actions";
import { EVERYONE, type Key, joinedRooms, type Link, nameOf, personKey, place, roomKey, unread } from "../state";
import { useChat } from "../store";
import { Avatar } from "./Avatar";
import { CloseIcon, HashIcon, LeaveIcon, MegaphoneIcon } from "./Icons";
import { NewRoom } from "./NewRoom";
import { Unread } from "./Unread";

export function Sidebar({ shown, close }: { shown: boolean; close: () => void }) {
  const state = useChat();
  const { me, people, rooms, conversations } = state;
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

  const here = state.link.status === "online"; // else the page doesn't know who is
  const joined = joinedRooms(state);
  const others = rooms.filter((r) => !joined.includes(r.name));
  const away = Object.keys(conversations)
    .map((key) => place(key).to)
    .filter((id) => id !== undefined && !people.some((p) => p.id === id))
    .map((id) => ({ id: id as string, name: nameOf(state, id as string) }));

  async function join(room: string) {
    close();
    const refusal = await joinRoom(room);
    if (refusal) showNotice(refusal);
  }

  const item = (key: Key, icon: ReactNode, name: string, note?: ReactNode) => (
    <Item
      key={key}
      icon={icon}
      name={name}
      current={state.current === key}
      pick={() => {
        open(key);
        close();
      }}
    >
      {note}
      <Unread count={unread(state, key)} />
    </Item>
  );

  return (
    <>
      {shown && <div className="scrim" onClick={close} />}
      <nav className={shown ? "sidebar shown" : "sidebar"} aria-label="Conversations">
        <header className="self">
          {me && <Avatar who={me} />}
          <span className="label">
            <strong dir="auto" title={me?.name}>
              {me?.name}
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
          <ul>{item(EVERYONE, <MegaphoneIcon />, "Everyone")}</ul>

          <h2>Rooms</h2>
          <ul>
            {joined.map((name) =>
              item(roomKey(name), <HashIcon />, name, <Count of={rooms.find((r) => r.name === name)?.people} />),
            )}
          </ul>
          {others.length > 0 && (
            <ul aria-label="Rooms to join">
              {others.map(({ name, people }) => (
                <Item key={name} faint icon={<HashIcon />} name={name} pick={() => void join(name)}>
                  <Count of={people} />
                  <span className="join">Join</span>
                </Item>
              ))}
            </ul>
          )}
          <NewRoom done={close} />

          <h2>People online</h2>
          {people.length < 2 && <p className="quiet">Nobody else is here yet.</p>}
          <ul aria-label="People online">
            {people.map((p) =>
              item(personKey(p.id), <Avatar who={p} online={here} />, p.id === me?.id ? `${p.name} (you)` : p.name),
            )}
          </ul>
          {away.length > 0 && (
            <>
              <h2>Away</h2>
              <ul>{away.map((p) => item(personKey(p.id), <Avatar who={p} online={false} />, p.name))}</ul>
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

function Count({ of = 0 }: { of?: number }) {
  return (
    <small className="count">
      {of}
      <span className="hidden">{of === 1 ? " person" : " people"}</span>
    </small>
  );
}

function status(link: Link): string {
  return link.status === "online" ? "Online" : link.status === "connecting" ? "Connecting…" : "Offline";
}
