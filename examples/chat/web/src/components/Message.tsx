import { memo } from "react";
import { discard, open, retry } from "../actions";
import { type Entry, personKey } from "../state";
import { Avatar } from "./Avatar";
import { ForwardIcon } from "./Icons";
import { Picture } from "./Picture";

interface Props {
  entry: Entry;
  own: boolean;
  first: boolean; // of a group by the same person
  day?: string; // that begins with this message
  forward: () => void;
}

export const Message = memo(function Message({ entry, own, first, day, forward }: Props) {
  const { from, text, picture, author, sending, error } = entry;
  const classes = ["message", own && "own", first && "first", sending && "sending", error && "failed"];
  return (
    <>
      {day && <li className="day">{day}</li>}
      <li className={classes.filter(Boolean).join(" ")}>
        {!own && first && <Avatar who={from} />}
        <div className="column">
          {first && (
            <p className="who">
              {own ? (
                <span className="hidden">You</span>
              ) : (
                <button type="button" onClick={() => open(personKey(from.id))} title={`Write to ${from.name}`}>
                  {from.name}
                </button>
              )}
            </p>
          )}
          <div className="row">
            <div className={picture && !text ? "bubble bare" : "bubble"}>
              {author && (
                <p className="author">
                  <ForwardIcon /> Forwarded, from {author.name}
                </p>
              )}
              {picture && <Picture id={picture} alt={text || `Picture from ${from.name}`} />}
              {text && <p className="text">{text}</p>}
              <time dateTime={new Date(entry.at).toISOString()}>{sending ? "Sending…" : clock(entry.at)}</time>
            </div>
            {!sending && !error && (
              <button type="button" className="tool forward" onClick={forward} title="Forward">
                <ForwardIcon />
                <span className="hidden">Forward</span>
              </button>
            )}
          </div>
          {error && (
            <p className="error" role="alert">
              Not sent: {error}{" "}
              <button type="button" className="link" onClick={() => retry(entry)}>
                Try again
              </button>{" "}
              <button type="button" className="link" onClick={() => discard(entry)}>
                Discard
              </button>
            </p>
          )}
        </div>
      </li>
    </>
  );
});

const clock = (at: number): string =>
  new Date(at).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" });
