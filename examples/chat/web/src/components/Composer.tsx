import { type ClipboardEvent, type FormEvent, type KeyboardEvent, useEffect, useRef, useState } from "react";
import { say, typing } from "../actions";
import { ACCEPTED, unfit } from "../pictures";
import type { Key } from "../state";
import { CloseIcon, PictureIcon, SendIcon } from "./Icons";

const LONGEST = 2000; // characters, as the server has it

/** What was begun in each conversation, for when the visitor comes back to it. */
const drafts = new Map<Key, string>();

export function Composer({ conversation, label }: { conversation: Key; label: string }) {
  const [text, setText] = useState(() => drafts.get(conversation) ?? "");
  const [file, setFile] = useState<File | null>(null);
  const [error, setError] = useState("");
  const chooser = useRef<HTMLInputElement>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  const thumbnail = useObjectUrl(file);

  useEffect(() => {
    drafts.set(conversation, text);
  }, [conversation, text]);

  useEffect(() => {
    if (matchMedia("(hover: hover)").matches) field.current?.focus(); // a phone would open its keyboard
  }, []);

  function attach(chosen: File | null | undefined) {
    if (!chosen) return;
    const why = unfit(chosen);
    setError(why ?? "");
    setFile(why ? null : chosen);
    field.current?.focus();
  }

  function onPaste(event: ClipboardEvent) {
    const pasted = event.clipboardData.files[0];
    if (!pasted) return;
    event.preventDefault();
    attach(pasted);
  }

  function onKeyDown(event: KeyboardEvent) {
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    void send();
  }

  async function send(event?: FormEvent) {
    event?.preventDefault();
    const said = text.trim();
    if (!said && !file) return;
    setText("");
    setFile(null);
    setError("");
    say(conversation, said, await file?.arrayBuffer());
  }

  return (
    <form className="composer" onSubmit={send}>
      {error && (
        <p className="error" role="alert">
          {error}
        </p>
      )}
      {thumbnail && (
        <div className="attachment">
          <img src={thumbnail} alt="The picture to send" />
          <button type="button" className="tool" onClick={() => setFile(null)} title="Remove the picture">
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
            attach(e.target.files?.[0]);
            e.target.value = ""; // so that the same file can be chosen again
          }}
        />
        <button type="button" className="tool" onClick={() => chooser.current?.click()} title="Add a picture">
          <PictureIcon />
          <span className="hidden">Add a picture</span>
        </button>
        <textarea
          ref={field}
          value={text}
          maxLength={LONGEST}
          rows={1}
          placeholder={label}
          aria-label={label}
          onChange={(e) => {
            setText(e.target.value);
            typing(conversation);
          }}
          onKeyDown={onKeyDown}
          onPaste={onPaste}
        />
        <button type="submit" className="send" disabled={!text.trim() && !file} title="Send">
          <SendIcon />
          <span className="hidden">Send</span>
        </button>
      </div>
    </form>
  );
}

function useObjectUrl(file: File | null): string {
  const [url, setUrl] = useState("");
  useEffect(() => {
    if (!file) return setUrl("");
    const made = URL.createObjectURL(file);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [file]);
  return url;
}
