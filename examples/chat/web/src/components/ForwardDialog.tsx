import { useEffect, useRef } from "react";
import type { Message } from "roomcast-chat";
import { forward } from "../actions";
import { LOBBY } from "../state";
import { useChat } from "../store";
import { Avatar } from "./Avatar";

export function ForwardDialog({ room, message, close }: { room: string; message: Message; close: () => void }) {
  const { members, presence, me } = useChat();
  const dialog = useRef<HTMLDialogElement>(null);
  const others = (members[LOBBY] ?? []).filter((name) => name !== me && (presence[name] ?? "offline") !== "offline");

  useEffect(() => dialog.current?.showModal(), []);

  function send(to: string) {
    void forward(room, message, to);
    dialog.current?.close();
  }

  return (
    <dialog ref={dialog} className="card" onClose={close} aria-labelledby="forward-title">
      <h2 id="forward-title">Forward to</h2>
      <blockquote dir="auto">{message.text}</blockquote>
      {others.length === 0 && <p className="quiet">Nobody else is online.</p>}
      <ul>
        {others.map((name) => (
          <li key={name}>
            <button type="button" className="item" onClick={() => send(name)}>
              <Avatar who={name} presence={presence[name]} />
              <span className="label" dir="auto">{name}</span>
            </button>
          </li>
        ))}
      </ul>
      <button type="button" className="secondary" onClick={() => dialog.current?.close()}>
        Cancel
      </button>
    </dialog>
  );
}
