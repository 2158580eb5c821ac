import type { Message as Said, Room, RoomView } from "roomcast-chat";
import { Fragment, useCallback, useEffect, useRef, useState } from "react";
import { read, seeEnd } from "../actions";
import { unread } from "../state";
import { useChat } from "../store";
import { DeleteDialog } from "./DeleteDialog";
import { ForwardDialog } from "./ForwardDialog";
import { DownIcon } from "./Icons";
import { Message } from "./Message";
import { useEnd } from "./useEnd";
import { useShown } from "./useShown";
import { useSought } from "./useSought";
import { Waiting } from "./Waiting";

const TOGETHER = 5 * 60_000; // ms: messages of one person this close form a group

interface Props {
  id: string;
  room: RoomView & Pick<Room, "loadOlder" | "reacted">;
  hint: string;
}

/** What a dialog is open for. */
export interface Asking {
  for: "forward" | "delete";
  message: Said;
}

export function Messages({ id, room, hint }: Props) {
  const { me, newSince = Infinity, atEnd, hidden, rooms } = useChat();
  const { shown, hasMore, showMore, reach } = useShown(room, atEnd);
  const newLine = useRef<HTMLLIElement>(null);
  const { box, content, onScroll } = useEnd(room, shown[0]?.seq, newLine, showMore);
  useSought(room, reach, onScroll);
  const [asking, ask] = useState<Asking | null>(null);
  const close = useCallback(() => ask(null), []);
  const firstNew = shown.find((m) => m.seq > newSince && m.author !== me);
  const lastOwn = shown.findLast((m) => m.author === me && !m.deleted);
  const last = room.messages.at(-1);

  useEffect(() => {
    if (atEnd && !hidden && room.live && last) read(id, last.seq);
  }, [id, atEnd, hidden, room.live, last?.seq]);

  function jump() {
    seeEnd(true);
    box.current?.focus(); // the button goes
  }

  return (
    <div className="view">
      <div className="messages" ref={box} onScroll={onScroll} role="log" aria-label="Messages" tabIndex={0}>
        <div className="content" ref={content}>
          {room.live && shown.length + room.pending.length === 0 && <p className="empty">{hint}</p>}
          {hasMore && (
            <button type="button" className="older link" onClick={showMore}>
              Older messages
            </button>
          )}
          <ol>
            {shown.map((m, i) => {
              const day = newDay(shown[i - 1], m);
              return (
                <Fragment key={m.author + (m.cid ?? m.seq)}>
                  {day && <li className="day">{day}</li>}
                  {m === firstNew && (
                    <li className="new" ref={newLine}>
                      New
                    </li>
                  )}
                  <Message
                    room={id}
                    message={m}
                    own={m.author === me}
                    first={m === firstNew || !together(shown[i - 1], m)}
                    mine={(m.reactions ?? []).filter((r) => room.reacted(m, r.e)).map((r) => r.e).join(" ")}
                    readBy={m === lastOwn ? readers(room.receipts, m.seq) : ""}
                    ask={ask}
                  />
                </Fragment>
              );
            })}
            {room.pending.map((p, i) => (
              <Waiting key={me + p.cid} post={p} first={i === 0 && last?.author !== me} />
            ))}
          </ol>
        </div>
      </div>
      {!atEnd && (
        <button type="button" className="jump" onClick={jump}>
          {news(unread(rooms[id]))} <DownIcon />
        </button>
      )}
      {asking?.for === "forward" && <ForwardDialog room={id} message={asking.message} close={close} />}
      {asking?.for === "delete" && <DeleteDialog room={id} message={asking.message} close={close} />}
    </div>
  );
}

function news(count: number): string {
  if (count === 0) return "Jump to latest";
  return count === 1 ? "1 new message" : `${count} new messages`;
}

/** Who has read a message, in a few words. */
function readers(receipts: Readonly<Record<string, number>>, seq: number): string {
  const names = Object.keys(receipts).filter((name) => (receipts[name] ?? 0) >= seq);
  return names.length > 3 ? `${names.length} people` : names.join(", ");
}

function together(before: Said | undefined, m: Said): boolean {
  return before !== undefined && before.author === m.author && m.at - before.at < TOGETHER && !newDay(before, m);
}

function newDay(before: Said | undefined, m: Said): string | undefined {
  const day = new Date(m.at).toDateString();
  if (before && new Date(before.at).toDateString() === day) return undefined;
  if (day === new Date().toDateString()) return "Today";
  return new Date(m.at).toLocaleDateString(undefined, { dateStyle: "long" });
}
