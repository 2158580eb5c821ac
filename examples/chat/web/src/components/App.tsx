import { useCallback, useEffect, useState } from "react";
import { allUnread, unread } from "../state";
import { useChat } from "../store";
import { Banner } from "./Banner";
import { Conversation } from "./Conversation";
import { Sidebar } from "./Sidebar";
import { SignIn } from "./SignIn";
import { useFocusKept } from "./useFocusKept";

export function App() {
  const state = useChat();
  const { link, me, current, notice } = state;
  const [menu, setMenu] = useState(false); // on a narrow screen, where the sidebar covers the conversation
  const closeMenu = useCallback(() => setMenu(false), []);
  const all = allUnread(state);
  useFocusKept();

  useEffect(() => {
    document.title = all ? `(${all}) Roomcast chat` : "Roomcast chat";
  }, [all]);

  if (link.status === "signed out") return <SignIn error={link.error} />;
  if (!me) return <SignIn waiting={link} />;
  return (
    <div className="app">
      <Banner link={link} notice={notice} stale={state.stale} />
      <div className="panes">
        <Sidebar shown={menu} close={closeMenu} />
        <Conversation key={current} id={current} covered={menu} elsewhere={all - unread(state.rooms[current])} openMenu={() => setMenu(true)} />
      </div>
    </div>
  );
}
