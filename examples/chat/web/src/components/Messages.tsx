import { useEffect, useLayoutEffect, useRef, useState } from "react";
import type { Entry } from "../state";
import { useChat } from "../store";
import { ForwardDialog } from "./ForwardDialog";
import { Message } from "./Message";

const TOGETHER = 5 * 60_000; // ms: messages of one person this close form a group
const NEAR_END = 80; // px

export function Messages({ entries, hint }: { entries: Entry[]; hint: string }) {
  const { me } = useChat();
  const list = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLOListElement>(null);
  const atEnd = useRef(true);
  const top = useRef(0);
  const [forwarding, setForwarding] = useState<Entry | null>(null);

  // Whatever makes the content taller, a message or a picture that has loaded: who was at the end stays there.
  useEffect(() => {
    const box = list.current;
    if (!box || !content.current) return;
    const observer = new ResizeObserver(() => {
      if (atEnd.current) box.scrollTop = box.scrollHeight;
    });
    observer.observe(box);
    observer.observe(content.current);
    return () => observer.disconnect();
  }, []);

  // Who says something wants to see it.
  const last = entries.at(-1);
  useLayoutEffect(() => {
    if (last?.sending) atEnd.current = true;
  }, [last?.id, last?.sending]);

  // Only who scrolls up leaves the end: content can have grown again before this is called for following it.
  function onScroll() {
    const box = list.current;
    if (!box) return;
    const near = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END;
    if (near || box.scrollTop < top.current) atEnd.current = near;
    top.current = box.scrollTop;
  }

  return (
    <div className="messages" ref={list} onScroll={onScroll}>
      {entries.length === 0 && <p className="empty">{hint}</p>}
      <ol ref={content} role="log" aria-label="Messages">
        {entries.map((entry, i) => (
          <Message
            key={entry.id}
            entry={entry}
            own={entry.from.id === me?.id}
            first={!together(entries[i - 1], entry)}
            day={newDay(entries[i - 1], entry)}
            forward={() => setForwarding(entry)}
          />
        ))}
      </ol>
      {forwarding && <ForwardDialog entry={forwarding} close={() => setForwarding(null)} />}
    </div>
  );
}

function together(before: Entry | undefined, entry: Entry): boolean {
  return (
    before !== undefined &&
    before.from.id === entry.from.id &&
    entry.at - before.at < TOGETHER &&
    !newDay(before, entry)
  );
}

function newDay(before: Entry | undefined, entry: Entry): string | undefined {
  const day = new Date(entry.at).toDateString();
  if (before && new Date(before.at).toDateString() === day) return undefined;
  if (day === new Date().toDateString()) return "Today";
  return new Date(entry.at).toLocaleDateString(undefined, { dateStyle: "long" });
}
