import { type FormEvent, type ReactNode, useEffect, useState } from "react";
import { dismissNotice, joinRoom, open, signOut } from "../actions";
import { EVERYONE, type Key, joinedRooms, nameOf, personKey, place, roomKey } from "../state";
import { useChat } from "../store";
import { Avatar } from "./Avatar";
import { CloseIcon, HashIcon, LeaveIcon, MegaphoneIcon, PlusIcon } from "./Icons";

export function Sidebar({ shown, close }: { shown: boolean; close: () => void }) {
  const state = useChat();
  const { me, people, rooms, conversations, notice } = state;

  useEffect(() => {
    const onEscape = (e: KeyboardEvent) => e.key === "Escape" && close();
    document.addEventListener("keydown", onEscape);
    return () => document.removeEventListener("keydown", onEscape);
  }, [close]);

  const here = state.link.status === "online"; // else the page doesn't know who is
  const joined = joinedRooms(state);
  const others = rooms.filter((r) => !joined.includes(r.name));
  const away = Object.keys(conversations)
    .map((key) => place(key).to)
    .filter((id) => id !== undefined && !people.some((p) => p.id === id))
    .map((id) => ({ id: id as string, name: nameOf(state, id as string) }));

  const pick = (key: Key) => {
    open(key);
    close();
  };

  const item = (key: Key, icon: ReactNode, label: ReactNode, note?: ReactNode) => (
    <li key={key}>
      <button
        type="button"
        className="item"
        aria-current={state.current === key ? "page" : undefined}
        onClick={() => pick(key)}
      >
        {icon}
        <span className="label">{label}</span>
        {note}
        <Unread count={conversations[key]?.unread ?? 0} />
      </button>
    </li>
  );

  return (
    <>
      {shown && <div className="scrim" onClick={close} />}
      <nav className={shown ? "sidebar shown" : "sidebar"} aria-label="Conversations">
        <header className="self">
          {me && <Avatar who={me} />}
          <span className="label">
            <strong>{me?.name}</strong>
            <small>{status(state.link.status)}</small>
          </span>
          <button type="button" className="tool" onClick={signOut} title="Leave the chat">
            <LeaveIcon />
            <span className="hidden">Leave the chat</span>
          </button>
          <button type="button" className="tool narrow-only" onClick={close} title="Close the menu">
            <CloseIcon />
            <span className="hidden">Close the menu</span>
          </button>
        </header>

        <div className="lists">
          <ul>{item(EVERYONE, <MegaphoneIcon />, "Everyone")}</ul>

          <h2>Rooms</h2>
          <ul>{joined.map((name) => item(roomKey(name), <HashIcon />, name, <Count of={rooms.find((r) => r.name === name)?.people} />))}</ul>
          {others.length > 0 && (
            <ul aria-label="Rooms to join">
              {others.map((room) => (
                <li key={room.name}>
                  <button
                    type="button"
                    className="item faint"
                    onClick={() => {
                      void joinRoom(room.name);
                      close();
                    }}
                  >
                    <HashIcon />
                    <span className="label">{room.name}</span>
                    <Count of={room.people} />
                    <span className="join">Join</span>
                  </button>
                </li>
              ))}
            </ul>
          )}
          <NewRoom done={close} />
          {notice && (
            <p className="error" role="alert">
              {notice}{" "}
              <button type="button" className="link" onClick={dismissNotice}>
                Dismiss
              </button>
            </p>
          )}

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

function NewRoom({ done }: { done: () => void }) {
  const [name, setName] = useState("");

  function submit(event: FormEvent) {
    event.preventDefault();
    void joinRoom(name);
    setName("");
    done();
  }

  return (
    <form className="new-room" onSubmit={submit}>
      <label className="hidden" htmlFor="new-room">
        New room
      </label>
      <input
        id="new-room"
        value={name}
        onChange={(e) => setName(e.target.value)}
        placeholder="New room"
        autoComplete="off"
      />
      <button type="submit" className="tool" title="Create the room" disabled={!name.trim()}>
        <PlusIcon />
        <span className="hidden">Create the room</span>
      </button>
    </form>
  );
}

function Unread({ count }: { count: number }) {
  if (count === 0) return null;
  return (
    <span className="unread">
      {count}
      <span className="hidden"> unread</span>
    </span>
  );
}

function Count({ of }: { of?: number }) {
  return (
    <small className="count">
      {of ?? 0}
      <span className="hidden"> people</span>
    </small>
  );
}

function status(link: string): string {
  return link === "online" ? "Online" : link === "connecting" ? "Connecting…" : "Offline";
}
