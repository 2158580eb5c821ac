import type { Pending } from "roomcast-chat";
import { extraOf, takeBack } from "../actions";
import { chat } from "../session";
import { words } from "../words";
import { Files } from "./Files";
import { ForwardIcon } from "./Icons";
import { Text } from "./Text";

/** A post of the visitor's that isn't a message yet, or that the server has refused. */
export function Waiting({ post, first }: { post: Pending; first: boolean }) {
  const { text = "", error, cid, files } = post;
  const { forward } = extraOf(post);
  const room = chat.room(post.room);
  return (
    <li className={["message own", first && "first", error ? "failed" : "sending"].filter(Boolean).join(" ")}>
      <div className="column">
        <div className="row">
          <div className={files?.length && !text ? "bubble bare" : "bubble"} dir="auto">
            {forward && (
              <p className="author" dir="ltr">
                <ForwardIcon /> Forwarded
              </p>
            )}
            <Files files={files} alt={text || "Your picture"} />
            {text && <Text text={text} mentions={post.mentions} />}
            <time dir="ltr" dateTime={new Date(post.at).toISOString()}>
              {error ? "Not sent" : "Sending…"}
            </time>
          </div>
        </div>
        {error && (
          <p className="error" role="alert">
            Not sent: {words(error)}{" "}
            <button type="button" className="link" onClick={() => room.retry(cid)}>
              Try again
            </button>{" "}
            {text && (
              <button type="button" className="link" onClick={() => takeBack(post.room, cid, text)}>
                Edit
              </button>
            )}{" "}
            <button type="button" className="link" onClick={() => room.discard(cid)}>
              Discard
            </button>
          </p>
        )}
      </div>
    </li>
  );
}
