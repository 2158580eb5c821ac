import { type ClipboardEvent, type FormEvent, type KeyboardEvent, useCallback, useEffect, useRef, useState } from "react";
import { returned, say, typing } from "../actions";
import { ACCEPTED, readPicture, unfit } from "../pictures";
import type { Key } from "../state";
import { useChat } from "../store";
import { CloseIcon, PictureIcon, SendIcon } from "./Icons";
import { useDrop } from "./useDrop";

const LONGEST = 2000; // characters, as the server has it

/** What was begun in each conversation, for when the visitor comes back to it. */
const drafts = new Map<Key, { text: string; picture: ArrayBuffer | null }>();

/** On a touch screen Enter begins a new line, since its keyboard has no Shift+Enter. */
const byTouch = () => matchMedia("(pointer: coarse)").matches;

export function Composer({ conversation, name }: { conversation: Key; name: string }) {
  const [text, setText] = useState(() => drafts.get(conversation)?.text ?? "");
  const [picture, setPicture] = useState(() => drafts.get(conversation)?.picture ?? null);
  const [error, setError] = useState("");
  const chooser = useRef<HTMLInputElement>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  const thumbnail = usePictureUrl(picture);
  const label = `Message ${name}`;

  useEffect(() => {
    drafts.set(conversation, { text, picture });
  }, [conversation, text, picture]);

  useEffect(() => {
    if (!byTouch()) field.current?.focus(); // a phone would open its keyboard
  }, []);

  const isReturned = Boolean(useChat().returned);
  useEffect(() => {
    const again = isReturned && returned();
    if (!again) return;
    setText((begun) => (begun ? `${again}\n${begun}` : again));
    field.current?.focus();
  }, [isReturned]);

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
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing || byTouch()) return;
    event.preventDefault();
    send();
  }

  function send(event?: FormEvent) {
    event?.preventDefault();
    const said = text.trim();
    if (!said && !picture) return;
    setText("");
    setPicture(null);
    setError("");
    say(conversation, said, picture ?? undefined);
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
          rows={1}
          placeholder={label}
          aria-label={label}
          enterKeyHint={byTouch() ? "enter" : "send"}
          onChange={(e) => {
            setText(e.target.value);
            typing(conversation);
          }}
          onKeyDown={onKeyDown}
          onPaste={onPaste}
        />
        <button type="submit" className="send" disabled={!text.trim() && !picture} title="Send">
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
