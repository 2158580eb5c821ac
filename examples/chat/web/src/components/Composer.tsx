import type { Room } from "roomcast-chat";
import { type ClipboardEvent, type FormEvent, type KeyboardEvent, useCallback, useEffect, useRef, useState } from "react";
import { begin, editLast, returned, say } from "../actions";
import { ACCEPTED, readPicture, unfit } from "../pictures";
import { useChat } from "../store";
import { wordsOf } from "../words";
import { CloseIcon, PictureIcon, SendIcon } from "./Icons";
import { TaskBar } from "./TaskBar";
import { useDrop } from "./useDrop";
import { useMention } from "./useMention";

const LONGEST = 2000; // characters, which are less than the bytes that the server takes

/** What was begun in each room, for when the visitor comes back to it. */
const drafts = new Map<string, { text: string; picture: ArrayBuffer | null }>();

/** On a touch screen Enter begins a new line, since its keyboard has no Shift+Enter. */
const byTouch = () => matchMedia("(pointer: coarse)").matches;

export function Composer({ id, name, type }: { id: string; name: string; type: Room["type"] }) {
  const [text, setText] = useState(() => drafts.get(id)?.text ?? "");
  const [picture, setPicture] = useState(() => drafts.get(id)?.picture ?? null);
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const chooser = useRef<HTMLInputElement>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  const draft = useRef(text); // while a message is edited
  const thumbnail = usePictureUrl(picture);
  const mention = useMention(id, field, setText);
  const { task, returned: again } = useChat();
  const label = `Message ${name}`;
  const edited = task?.does === "edit" ? task.message : undefined;

  useEffect(() => {
    drafts.set(id, { text: edited ? draft.current : text, picture });
  }, [id, text, picture]);

  useEffect(() => {
    if (!byTouch()) field.current?.focus(); // a phone would open its keyboard
  }, []);

  useEffect(() => {
    if (task) field.current?.focus();
    if (!edited) return;
    setText((begun) => ((draft.current = begun), edited.text ?? ""));
    return () => setText(draft.current);
  }, [task, edited]);

  useEffect(() => {
    const text = again && returned();
    if (!text) return;
    setText((begun) => (begun ? `${text}\n${begun}` : text));
    field.current?.focus();
  }, [again]);

  const attach = useCallback(async (file: File | undefined) => {
    if (!file) return;
    field.current?.focus();
    const why = unfit(file);
    setError(why ?? "");
    if (why) return;
    try {
      setPicture(await readPicture(file));
    } catch {
      setError("This picture can't be read.");
    }
  }, []);
  const dropping = useDrop(attach);

  function onPaste(event: ClipboardEvent) {
    const pasted = event.clipboardData.files[0];
    if (!pasted) return;
    event.preventDefault();
    void attach(pasted);
  }

  function onKeyDown(event: KeyboardEvent) {
    if (mention.onKey(event)) return;
    if (event.key === "Escape") begin();
    if (event.key === "ArrowUp" && !text && editLast(id)) event.preventDefault();
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing || byTouch()) return;
    event.preventDefault();
    void send();
  }

  async function send(event?: FormEvent) {
    event?.preventDefault();
    const said = text.trim();
    if (busy || (!said && !picture)) return;
    setError("");
    if (!picture && !edited) setText("");
    else setBusy(true);
    try {
      await say(id, said, picture ?? undefined);
      if (picture) setText("");
      setPicture(null);
    } catch (error) {
      setError(`Not sent: ${wordsOf(error)}`); // what was written stays
    }
    setBusy(false);
  }

  return (
    <form className="composer" onSubmit={send}>
      {dropping && (
        <div className="drop">
          <p>
            Drop a picture to send it to <bdi>{name}</bdi>
          </p>
        </div>
      )}
      {task && <TaskBar task={task} />}
      {mention.list}
      {error && (
        <p className="error" role="alert">
          {error}
        </p>
      )}
      {thumbnail && (
        <div className="attachment">
          <img src={thumbnail} alt="The picture to send" />
          <button type="button" className="tool" onClick={() => setPicture(null)} title="Remove the picture">
            <CloseIcon />
            <span className="hidden">Remove the picture</span>
          </button>
        </div>
      )}
      <div className="line">
        <input
          ref={chooser}
          type="file"
          accept={ACCEPTED.join()}
          aria-label="Picture"
          className="hidden"
          tabIndex={-1}
          onChange={(e) => {
            void attach(e.target.files?.[0]);
            e.target.value = ""; // so that the same file can be chosen again
          }}
        />
        <button type="button" className="tool" onClick={() => chooser.current?.click()} title="Add a picture">
          <PictureIcon />
          <span className="hidden">Add a picture</span>
        </button>
        <textarea
          ref={field}
          dir="auto"
          value={text}
          maxLength={LONGEST}
          readOnly={busy}
          rows={1}
          placeholder={label}
          aria-label={label}
          enterKeyHint={byTouch() ? "enter" : "send"}
          onChange={(e) => {
            setText(e.target.value);
            mention.look(e.target);
            type();
          }}
          onKeyDown={onKeyDown}
          onPaste={onPaste}
          {...mention.shows}
        />
        <button type="submit" className="send" disabled={busy || (!text.trim() && !picture)} title="Send">
          <SendIcon />
          <span className="hidden">Send</span>
        </button>
      </div>
    </form>
  );
}

function usePictureUrl(picture: ArrayBuffer | null): string {
  const [url, setUrl] = useState("");
  useEffect(() => {
    if (!picture) return setUrl("");
    const made = URL.createObjectURL(new Blob([picture]));
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [picture]);
  return url;
}
