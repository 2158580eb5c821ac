import type { Message } from "roomcast-chat";
import { type ReactNode, useState } from "react";
import { attempt, begin, extraOf } from "../actions";
import { chat } from "../session";
import { CloseIcon, EditIcon, ForwardIcon, ReplyIcon, SmileIcon, TrashIcon } from "./Icons";
import type { Asking } from "./Messages";

const focusFirst = (box: HTMLElement | null): void => box?.querySelector("button")?.focus();

const EMOJI = ["👍", "❤️", "😂", "🎉", "😮", "😢"];

interface Props {
  room: string;
  message: Message;
  own: boolean;
  mine: string;
  ask: (what: Asking) => void;
  done: () => void;
}

/** What a visitor can do with a message. It is shown under the pointer, the focus or a touch. */
export function Tools({ room, message, own, mine, ask, done }: Props) {
  const [picking, pick] = useState(false);
  const close = () => {
    pick(false);
    done();
  };
  const button = (name: string, icon: ReactNode, act: () => void) => (
    <button type="button" className="tool" title={name} onClick={() => (act(), close())}>
      {icon}
      <span className="hidden">{name}</span>
    </button>
  );
  if (picking) {
    const react = (e: string) => attempt(chat.room(room).react(message.seq, e, !mine.split(" ").includes(e)));
    return (
      <div className="tools picking" role="group" aria-label="Reactions to choose" onKeyDown={(e) => e.key === "Escape" && close()} ref={focusFirst}>
        {EMOJI.map((e) => (
          <button key={e} type="button" className="tool" aria-label={`React with ${e}`} onClick={() => (void react(e), close())}>
            {e}
          </button>
        ))}
        {button("Close", <CloseIcon />, () => {})}
      </div>
    );
  }
  return (
    <div className="tools" role="group" aria-label="Message">
      <button type="button" className="tool" title="React" onClick={() => pick(true)}>
        <SmileIcon />
        <span className="hidden">React</span>
      </button>
      {button("Reply", <ReplyIcon />, () => begin({ does: "reply", message }))}
      {message.text && button("Forward", <ForwardIcon />, () => ask({ for: "forward", message }))}
      {own && !extraOf(message).author && button("Edit", <EditIcon />, () => begin({ does: "edit", message }))}
      {own && button("Delete", <TrashIcon />, () => ask({ for: "delete", message }))}
    </div>
  );
}
