// Notices that the server has fallen silent, long before the connection is given up for it.

import { chat } from "./session";
import { change } from "./store";

const SILENT_AFTER = 8000; // ms: the server sends a ping every four seconds

const { socket } = chat;
let timer: ReturnType<typeof setTimeout> | undefined;

function silent(): void {
  change((s) => (s.link.status === "online" ? { ...s, link: { status: "offline", why: "silent" } } : s));
}

function hear(): void {
  clearTimeout(timer);
  const due = Date.now() + SILENT_AFTER;
  timer = setTimeout(() => {
    if (Date.now() < due + 200) silent();
    else timer = setTimeout(silent, 1000); // the page itself has stood still: it first reads what has arrived meanwhile
  }, SILENT_AFTER);
  if (socket.connected) {
    change((s) => (s.link.status === "offline" ? { ...s, link: { status: "online" } } : s));
  }
}

socket.on("connect", hear);
socket.io.on("ping", hear);
socket.onAny(hear);
socket.on("disconnect", () => clearTimeout(timer));
