import { Fragment, useCallback, useRef, useState } from "react";
import { seeEnd } from "../actions";
import { type Entry, unread } from "../state";
import { useChat } from "../store";
import { ForwardDialog } from "./ForwardDialog";
import { DownIcon } from "./Icons";
import { Message } from "./Message";
import { useEnd } from "./useEnd";

const TOGETHER = 5 * 60_000; // ms: messages of one person this close form a group

export function Messages({ entries, hint }: { entries: Entry[]; hint: string }) {
  const state = useChat();
  const newLine = useRef<HTMLLIElement>(null);
  const { box, content, onScroll, atEnd } = useEnd(entries, newLine);
  const [forwarding, setForwarding] = useState<Entry | null>(null);
  const close = useCallback(() => setForwarding(null), []);
  const { me, newSince = Infinity } = state;
  const firstNew = entries.find((e) => e.at > newSince && e.from.id !== me?.id);

  function jump() {
    seeEnd(true);
    box.current?.focus(); // the button goes
  }

  return (
    <div className="view">
      <div
        className="messages"
        ref={box}
        onScroll={onScroll}
        role="log"
        aria-label="Messages"
        tabIndex={0}
      >
        <div className="content" ref={content}>
          {entries.length === 0 && <p className="empty">{hint}</p>}
          <ol>
            {entries.map((entry, i) => {
              const day = newDay(entries[i - 1], entry);
              return (
                <Fragment key={entry.id}>
                  {day && <li className="day">{day}</li>}
                  {entry === firstNew && (
                    <li className="new" ref={newLine}>
                      New
                    </li>
                  )}
                  <Message
                    entry={entry}
                    own={entry.from.id === me?.id}
                    first={entry === firstNew || !together(entries[i - 1], entry)}
                    forward={setForwarding}
                  />
                </Fragment>
              );
            })}
          </ol>
        </div>
      </div>
      {!atEnd && (
        <button type="button" className="jump" onClick={jump}>
          {news(unread(state, state.current))} <DownIcon />
        </button>
      )}
      {forwarding && <ForwardDialog entry={forwarding} close={close} />}
    </div>
  );
}

function news(count: number): string {
  if (count === 0) return "Jump to latest";
  return count === 1 ? "1 new message" : `${count} new messages`;
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
