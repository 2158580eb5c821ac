import { reconnect } from "../actions";
import type { Link } from "../state";

/** Says that the connection is gone, and why; nothing while all is well. */
export function LinkBanner({ link }: { link: Link }) {
  return (
    <div className="banner" role="status">
      {link.status === "connecting" && <p>Connecting…</p>}
      {link.status === "offline" && (
        <p>
          <strong>Offline:</strong> {link.why}.{" "}
          {link.retrying ? (
            "Reconnecting…"
          ) : (
            <button type="button" onClick={reconnect}>
              Reconnect
            </button>
          )}
        </p>
      )}
    </div>
  );
}
