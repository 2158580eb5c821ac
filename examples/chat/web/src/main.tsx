import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { signIn } from "./actions";
import { App } from "./components/App";
import { savedName } from "./identity";
import "./listeners";
import "./pulse";
import "./version";
import "./style/base.css";
import "./style/composer.css";
import "./style/layout.css";
import "./style/messages.css";
import "./style/search.css";
import "./style/tools.css";

if (savedName()) signIn(savedName());

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
