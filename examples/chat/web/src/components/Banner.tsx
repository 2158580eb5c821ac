import { reconnect, showNotice } from "../actions";
import { type Link, type Why } from "../state";

const LATER = "Messages that you write now will be sent";

const WORDS: Record<Why, string> = {
  network: `You are offline. ${LATER} when you are back.`,
  gone: `The chat can't be reached, trying again… ${LATER} when it is back.`,
  silent: `The chat isn't answering. ${LATER} when it does.`,
  ended: "The chat has ended this session.",
};

/** Says that there is no connection, and what that means; nothing while all is well. */
export function Banner({ link, notice, stale }: { link: Link; notice?: string; stale?: boolean }) {
  return (
    <div className="banner">
      <div role="status">
        {link.status === "connecting" && <p>Connecting…</p>}
        {link.status === "offline" && (
          <p>
            {WORDS[link.why]}{" "}
            {link.why === "ended" && (
              <button type="button" className="link" onClick={reconnect}>
                Reconnect
              </button>
            )}
          </p>
        )}
        {stale && (
          <p>
            There is a newer version of this page.{" "}
            <button type="button" className="link" onClick={() => location.reload()}>
              Reload
            </button>
          </p>
        )}
      </div>
      {notice && (
        <p role="alert">
          {notice}{" "}
          <button type="button" className="link" onClick={() => showNotice()}>
            Dismiss
          </button>
        </p>
      )}
    </div>
  );
}
