import { memo } from "react";
import { discard, open, retry, takeBack } from "../actions";
import { type Entry, personKey } from "../state";
import { Avatar } from "./Avatar";
import { ForwardIcon } from "./Icons";
import { Picture } from "./Picture";
import { Text } from "./Text";

interface Props {
  entry: Entry;
  own: boolean;
  first: boolean; // of a group by the same person
  forward: (entry: Entry) => void;
}

export const Message = memo(function Message({ entry, own, first, forward }: Props) {
  const { from, text, picture, author, sending, error } = entry;
  const classes = ["message", own && "own", first && "first", sending && "sending", error && "failed"];
  return (
    <li className={classes.filter(Boolean).join(" ")}>
      {!own && first && <Avatar who={from} />}
      <div className="column">
        {first && (
          <p className="who">
            {own ? (
              <span className="hidden">You</span>
            ) : (
              <button type="button" dir="auto" onClick={() => open(personKey(from.id))} title={`Write to ${from.name}`}>
                {from.name}
              </button>
            )}
          </p>
        )}
        <div className="row">
          {/* What is written decides the direction; all else in the bubble has one of its own. */}
          <div className={picture && !text ? "bubble bare" : "bubble"} dir="auto">
            {author && (
              <p className="author" dir="ltr">
                <ForwardIcon /> Forwarded, from <bdi>{author.name}</bdi>
              </p>
            )}
            {picture && <Picture id={picture} alt={text || `Picture from ${from.name}`} />}
            {text && <Text text={text} />}
            <time dir="ltr" dateTime={new Date(entry.at).toISOString()}>
              {sending ? "Sending…" : clock.format(entry.at)}
            </time>
          </div>
          {!sending && !error && (
            <button type="button" className="tool forward" onClick={() => forward(entry)} title="Forward">
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
            {text && (
              <button type="button" className="link" onClick={() => takeBack(entry)}>
                Edit
              </button>
            )}{" "}
            <button type="button" className="link" onClick={() => discard(entry)}>
              Discard
            </button>
          </p>
        )}
      </div>
    </li>
  );
});

const clock = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" }); // making one takes long
