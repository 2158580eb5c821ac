import type { Message } from "roomcast-chat";
import { useEffect, useRef } from "react";
import { attempt } from "../actions";
import { chat } from "../session";
import { textOf } from "./Quote";

export function DeleteDialog({ room, message, close }: { room: string; message: Message; close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);

  useEffect(() => dialog.current?.showModal(), []);

  function remove() {
    void attempt(chat.room(room).delete(message.seq));
    dialog.current?.close();
  }

  return (
    <dialog ref={dialog} className="card" onClose={close} aria-labelledby="delete-title">
      <h2 id="delete-title">Delete this message?</h2>
      <blockquote dir="auto">{textOf(message)}</blockquote>
      <div className="choice">
        <button type="button" className="secondary" onClick={() => dialog.current?.close()}>
          Cancel
        </button>
        <button type="button" className="primary danger" onClick={remove}>
          Delete
        </button>
      </div>
    </dialog>
  );
}
