import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  build: { target: ["chrome123", "firefox120", "safari17.5"] }, // the first with light-dark() in CSS
  server: { strictPort: true }, // the server allows exactly this origin
});
