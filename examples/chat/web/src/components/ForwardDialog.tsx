import { useEffect, useRef } from "react";
import { forward } from "../actions";
import type { Profile } from "../events";
import type { Entry } from "../state";
import { useChat } from "../store";
import { Avatar } from "./Avatar";

export function ForwardDialog({ entry, close }: { entry: Entry; close: () => void }) {
  const { people, me } = useChat();
  const dialog = useRef<HTMLDialogElement>(null);
  const others = people.filter((p) => p.id !== me?.id);

  useEffect(() => dialog.current?.showModal(), []);

  function send(to: Profile) {
    forward(entry, to);
    dialog.current?.close();
  }

  return (
    <dialog ref={dialog} className="card" onClose={close} aria-labelledby="forward-title">
      <h2 id="forward-title">Forward to</h2>
      <blockquote dir="auto">{entry.text || "A picture"}</blockquote>
      {others.length === 0 && <p className="quiet">Nobody else is online.</p>}
      <ul>
        {others.map((p) => (
          <li key={p.id}>
            <button type="button" className="item" onClick={() => send(p)}>
              <Avatar who={p} online />
              <span className="label" dir="auto">{p.name}</span>
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
