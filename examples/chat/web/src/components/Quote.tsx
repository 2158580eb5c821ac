import type { Message, Page } from "roomcast-chat";
import { useEffect, useState } from "react";
import { seek } from "../search";
import { chat } from "../session";

/** The message that another one answers. */
export function Quote({ room, seq }: { room: string; seq: number }) {
  const known = chat.room(room).snapshot().messages.find((m) => m.seq === seq);
  const [fetched, setFetched] = useState<Message>();
  const isKnown = known !== undefined;

  useEffect(() => {
    if (isKnown) return;
    const done = ({ messages }: Page) => setFetched(messages[0]);
    chat.call<Page>("history", { room, seqs: [seq] }).then(done, () => {});
  }, [room, seq, isKnown]);

  const message = known ?? fetched;
  if (!message) return null;
  return (
    <blockquote className="quote">
      <a href={`#m${seq}`} onClick={(e) => (e.preventDefault(), void seek(room, seq).catch(() => {}))} dir="auto">
        <b>{message.author}</b> {textOf(message)}
      </a>
    </blockquote>
  );
}

export function textOf(m: Message): string {
  if (m.deleted) return "This message was deleted.";
  return m.text || m.files?.map((f) => f.name).join(", ") || "A file";
}
