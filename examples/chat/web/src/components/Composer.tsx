import type { Room } from "roomcast-chat";
import { type ClipboardEvent, type FormEvent, type KeyboardEvent, useCallback, useEffect, useRef, useState } from "react";
import { begin, editLast, returned, say } from "../actions";
import { draftOf, keepDraft } from "../drafts";
import { current, useChat } from "../store";
import { wordsOf } from "../words";
import { ClipIcon, SendIcon } from "./Icons";
import { TaskBar } from "./TaskBar";
import { useAttachments } from "./useAttachments";
import { useDrop } from "./useDrop";
import { useMention } from "./useMention";

const LONGEST = 2000; // characters, which are less than the bytes that the server takes

/** On a touch screen Enter begins a new line, since its keyboard has no Shift+Enter. */
const byTouch = () => matchMedia("(pointer: coarse)").matches;

export function Composer({ id, name, type }: { id: string; name: string; type: Room["type"] }) {
  const [text, setText] = useState(() => draftOf(id));
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const chooser = useRef<HTMLInputElement>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  const draft = useRef(text); // while a message is edited
  const files = useAttachments(id, setError);
  const mention = useMention(id, field, setText);
  const { task, returned: again } = useChat();
  const label = `Message ${name}`;
  const edited = task?.does === "edit" ? task.message : undefined;

  useEffect(() => {
    keepDraft(id, edited ? draft.current : text);
  }, [id, text]);

  useEffect(() => {
    if (byTouch() || current().notice) return; // a phone would open its keyboard; and what was begun is not for this room
    field.current?.focus();
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

  const { add } = files;
  const attach = useCallback(
    (chosen: Iterable<File>) => {
      setError("");
      add(chosen);
      field.current?.focus();
    },
    [add],
  );
  const dropping = useDrop(attach);

  function onPaste(event: ClipboardEvent) {
    if (event.clipboardData.files.length === 0) return;
    event.preventDefault();
    attach(event.clipboardData.files);
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
    if (busy || (!said && !files.any)) return;
    setError("");
    if (said.length > LONGEST) return setError(`Not sent: a message has at most ${LONGEST} characters, and this one ${said.length}.`);
    const atOnce = !files.any && !edited;
    if (atOnce) setText("");
    else setBusy(true);
    try {
      await say(id, said, files.any && !edited ? await files.all() : []);
      if (!atOnce && !edited) {
        setText("");
        files.clear();
      }
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
            Drop files to send them to <bdi>{name}</bdi>
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
      {files.list}
      <div className="line">
        <input
          ref={chooser}
          type="file"
          multiple
          aria-label="Files"
          className="hidden"
          tabIndex={-1}
          onChange={(e) => {
            attach([...(e.target.files ?? [])]);
            e.target.value = ""; // so that the same file can be chosen again
          }}
        />
        <button type="button" className="tool" onClick={() => chooser.current?.click()} title="Add files">
          <ClipIcon />
          <span className="hidden">Add files</span>
        </button>
        <textarea
          ref={field}
          dir="auto"
          value={text}
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
        <button type="submit" className="send" disabled={busy || (!text.trim() && !files.any)} title="Send">
          <SendIcon />
          <span className="hidden">Send</span>
        </button>
      </div>
    </form>
  );
}
