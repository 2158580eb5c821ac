import { Chat } from "roomcast-chat";
import { credentials } from "./identity";

// The built page is served by the chat server itself; Vite's dev server is another origin.
const server: string =
  import.meta.env.VITE_CHAT_SERVER ?? (import.meta.env.DEV ? "http://localhost:3000" : "");

/** The one connection of this page. It lives outside React: rendering twice doesn't connect twice. */
export const chat = new Chat(`${server}/chat`, {
  auth: credentials, // asked anew at each connection
  storage: sessionStorage, // what isn't sent yet survives a reload
  socket: {
    autoConnect: false,
    reconnectionDelayMax: 3000,
    timeout: 8000, // for one attempt: a server that takes longer is silent
  },
});
