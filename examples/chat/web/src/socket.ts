import { io, type Socket } from "socket.io-client";
import type { ClientToServerEvents, ServerToClientEvents } from "./events";
import { credentials } from "./identity";

// The built page is served by the chat server itself; Vite's dev server is another origin.
const server: string | undefined =
  import.meta.env.VITE_CHAT_SERVER ?? (import.meta.env.DEV ? "http://localhost:3000" : undefined);

const options = {
  autoConnect: false,
  auth: (send: (data: object) => void) => send(credentials()), // asked anew at each connection
  reconnectionDelayMax: 3000,
  timeout: 8000, // for one attempt: a server that takes longer is silent
};

/** The one connection of this page. It lives outside React: rendering twice doesn't connect twice. */
export const socket: Socket<ServerToClientEvents, ClientToServerEvents> = server
  ? io(server, options)
  : io(options);
