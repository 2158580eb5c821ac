import { leaveRoom } from "../actions";
import { type Entry, EVERYONE, LOBBY, nameOf, place, type State } from "../state";
import { useChat } from "../store";
import { Avatar } from "./Avatar";
import { Composer } from "./Composer";
import { HashIcon, LeaveIcon, MegaphoneIcon, MenuIcon } from "./Icons";
import { Messages } from "./Messages";
import { Unread } from "./Unread";

const NOTHING: Entry[] = [];

interface Props {
  covered: boolean; // by the menu
  elsewhere: number; // unread messages of other conversations
  openMenu: () => void;
}

export function Conversation({ covered, elsewhere, openMenu }: Props) {
  const state = useChat();
  const key = state.current;
  const { room, to } = place(key);
  const typing = state.typing[key] ?? [];
  const title = room ?? (to ? nameOf(state, to) : "Everyone");

  return (
    <main className="conversation" inert={covered}>
      <header className="top">
        <button type="button" className="tool narrow-only" onClick={openMenu}>
          <MenuIcon />
          <Unread count={elsewhere} />
          <span className="hidden">Open the menu</span>
        </button>
        {room && <HashIcon />}
        {key === EVERYONE && <MegaphoneIcon />}
        {to && <Avatar who={{ id: to, name: title }} />}
        <div className="label">
          <h1 dir="auto" title={title}>
            {title}
          </h1>
          <small>{about(state, room, to)}</small>
        </div>
        {room && room !== LOBBY && (
          <button type="button" className="tool" onClick={() => leaveRoom(room)} title="Leave the room">
            <LeaveIcon />
            <span className="hidden">Leave the room</span>
          </button>
        )}
      </header>
      <Messages entries={state.conversations[key] ?? NOTHING} hint={hint(title, room, to)} />
      <p className="typing" aria-live="polite">
        {typing.length > 0 && (
          <>
            <bdi>{typing.map((p) => p.name).join(", ")}</bdi> {typing.length > 1 ? "are" : "is"} typing
            <span className="dots" aria-hidden="true">
              <i />
              <i />
              <i />
            </span>
          </>
        )}
      </p>
      <Composer conversation={key} name={`${room ? "#" : ""}${title}`} />
    </main>
  );
}

function about(state: State, room?: string, to?: string): string {
  if (room) {
    const people = state.rooms.find((r) => r.name === room)?.people ?? 0;
    return people === 1 ? "Only you are here" : `${people} people here`;
  }
  if (to) {
    if (to === state.me?.id) return "Notes to yourself, on all your tabs";
    return state.people.some((p) => p.id === to) ? "Online" : "Away";
  }
  return "Announcements to all who are online";
}

function hint(title: string, room?: string, to?: string): string {
  if (room) return `This is the beginning of #${title}. Say hello.`;
  if (to) return `Only you and ${title} see what is written here.`;
  return "What is written here reaches everybody online, whatever room they are in.";
}
