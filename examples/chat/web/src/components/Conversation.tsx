import { useState } from "react";
import { useRoom } from "roomcast-chat/react";
import { leaveRoom } from "../actions";
import { chat } from "../session";
import { type Kind, kindOf, LOBBY, nameOf, type State } from "../state";
import { useChat } from "../store";
import { Avatar } from "./Avatar";
import { Composer } from "./Composer";
import { HashIcon, LeaveIcon, MegaphoneIcon, MenuIcon, SearchIcon } from "./Icons";
import { Messages } from "./Messages";
import { SearchDialog } from "./SearchDialog";
import { Unread } from "./Unread";

interface Props {
  id: string; // of the room
  covered: boolean; // by the menu
  elsewhere: number; // unread messages of other conversations
  openMenu: () => void;
}

export function Conversation({ id, covered, elsewhere, openMenu }: Props) {
  const state = useChat();
  const room = useRoom(chat, id);
  const [searching, search] = useState(false);
  const kind = kindOf(state.rooms[id]);
  const name = kind === "notes" ? state.me : nameOf(state.rooms[id], id);
  const label = `${kind === "room" ? "#" : ""}${name}`;

  return (
    <main className="conversation" inert={covered}>
      <header className="top">
        <button type="button" className="tool narrow-only" onClick={openMenu}>
          <MenuIcon />
          <Unread count={elsewhere} />
          <span className="hidden">Open the menu</span>
        </button>
        {kind === "room" && <HashIcon />}
        {kind === "everyone" && <MegaphoneIcon />}
        {(kind === "person" || kind === "notes") && <Avatar who={name} />}
        <div className="label">
          <h1 dir="auto" title={name}>
            {name}
          </h1>
          <small>{about(state, kind, id, name)}</small>
        </div>
        <button type="button" className="tool" onClick={() => search(true)} title="Search">
          <SearchIcon />
          <span className="hidden">Search</span>
        </button>
        {kind === "room" && id !== LOBBY && (
          <button type="button" className="tool" onClick={() => void leaveRoom(id)} title="Leave the room">
            <LeaveIcon />
            <span className="hidden">Leave the room</span>
          </button>
        )}
      </header>
      <Messages id={id} room={room} hint={hint(kind, name)} />
      <p className="typing" aria-live="polite">
        {room.typing.length > 0 && (
          <>
            <bdi>{room.typing.join(", ")}</bdi> {room.typing.length > 1 ? "are" : "is"} typing
            <span className="dots" aria-hidden="true">
              <i />
              <i />
              <i />
            </span>
          </>
        )}
      </p>
      <Composer id={id} name={label} type={room.type} />
      {searching && <SearchDialog room={id} name={label} close={() => search(false)} />}
    </main>
  );
}

function about(state: State, kind: Kind, id: string, name: string): string {
  switch (kind) {
    case "room": {
      const here = (state.members[id] ?? []).filter((m) => m === state.me || (state.presence[m] ?? "offline") !== "offline");
      return here.length > 1 ? `${here.length} people here` : "Only you are here";
    }
    case "person":
      return { online: "Online", away: "Away", offline: "Offline" }[state.presence[name] ?? "offline"];
    case "notes":
      return "Notes to yourself, on all your tabs";
    case "everyone":
      return "Announcements to all";
  }
}

function hint(kind: Kind, name: string): string {
  switch (kind) {
    case "room":
      return `This is the beginning of #${name}. Say hello.`;
    case "person":
      return `Only you and ${name} see what is written here.`;
    case "notes":
      return "Only you see what is written here.";
    case "everyone":
      return "What is written here reaches everybody, whatever room they are in.";
  }
}
