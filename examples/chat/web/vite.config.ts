import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const client = (file: string) => fileURLToPath(new URL(`../../../chat/web/src/${file}`, import.meta.url));

export default defineConfig({
  plugins: [react()],
  resolve: {
    // The client of package chat, from its sources. tsconfig.json says the same.
    alias: { "roomcast-chat/react": client("useRoom.ts"), "roomcast-chat": client("chat.ts") },
    dedupe: ["react", "socket.io-client"],
  },
  build: { target: ["chrome123", "firefox120", "safari17.5"] }, // the first with light-dark() in CSS
  server: {
    strictPort: true, // the server allows exactly this origin
    fs: { allow: ["../../.."] },
    proxy: { "/files": process.env.VITE_CHAT_SERVER ?? "http://localhost:3000" }, // with the page's cookie
  },
});
