import type { Message as Said } from "roomcast-chat";
import { memo, useState } from "react";
import { attempt, extraOf, openPerson } from "../actions";
import { chat } from "../session";
import { current } from "../store";
import { Avatar } from "./Avatar";
import { Files } from "./Files";
import { ForwardIcon } from "./Icons";
import type { Asking } from "./Messages";
import { Quote } from "./Quote";
import { Text } from "./Text";
import { Tools } from "./Tools";

interface Props {
  room: string;
  message: Said;
  own: boolean;
  first: boolean; // of a group by the same person
  mine: string; // the visitor's reactions
  readBy: string;
  ask: (what: Asking) => void;
}

export const Message = memo(function Message({ room, message, own, first, mine, readBy, ask }: Props) {
  const { author, text = "", deleted, files } = message;
  const [chosen, choose] = useState(false); // by a touch, which has no pointer above it
  const { author: writer } = extraOf(message);
  const isForMe = message.mentions?.includes(current().me);
  const classes = ["message", own && "own", first && "first", chosen && "chosen", isForMe && "for-me"];
  return (
    <li className={classes.filter(Boolean).join(" ")} id={`m${message.seq}`}>
      {!own && first && <Avatar who={author} />}
      <div className="column">
        {first && <Who author={author} own={own} />}
        {message.replyTo !== undefined && !deleted && <Quote room={room} seq={message.replyTo} />}
        <div className="row">
          {/* What is written decides the direction; all else in the bubble has one of its own. */}
          <div className={files?.length && !text && !deleted ? "bubble bare" : "bubble"} dir="auto" onClick={() => choose(!chosen)}>
            {writer && !deleted && (
              <p className="author" dir="ltr">
                <ForwardIcon /> Forwarded, from <bdi>{writer}</bdi>
              </p>
            )}
            {!deleted && <Files files={files} alt={text || `Picture from ${author}`} />}
            {deleted ? <em className="deleted">This message was deleted.</em> : text && <Text text={text} mentions={message.mentions} />}
            <time dir="ltr" dateTime={new Date(message.at).toISOString()}>
              {message.editedAt && !deleted && "edited "}
              {clock.format(message.at)}
            </time>
          </div>
          {!deleted && <Tools room={room} message={message} own={own} mine={mine} ask={ask} done={() => choose(false)} />}
        </div>
        <Reactions room={room} message={message} mine={mine} />
        {readBy && (
          <p className="read-by">
            Read by <bdi>{readBy}</bdi>
          </p>
        )}
      </div>
    </li>
  );
});

function Who({ author, own }: { author: string; own: boolean }) {
  return (
    <p className="who">
      {own ? (
        <span className="hidden">You</span>
      ) : (
        <button type="button" dir="auto" onClick={() => void openPerson(author)} title={`Write to ${author}`}>
          {author}
        </button>
      )}
    </p>
  );
}

function Reactions({ room, message, mine }: Pick<Props, "room" | "message" | "mine">) {
  if (!message.reactions?.length || message.deleted) return null;
  return (
    <ul className="reactions" aria-label="Reactions">
      {message.reactions.map(({ e, n, by }) => {
        const on = mine.split(" ").includes(e);
        return (
          <li key={e}>
            <button
              type="button"
              aria-pressed={on}
              title={by.join(", ")}
              onClick={() => void attempt(chat.room(room).react(message.seq, e, !on))}
            >
              {e} {n}
            </button>
          </li>
        );
      })}
    </ul>
  );
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" }); // making one takes long
