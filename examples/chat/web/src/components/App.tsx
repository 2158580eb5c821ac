import { useEffect, useState } from "react";
import { useChat } from "../store";
import { Conversation } from "./Conversation";
import { LinkBanner } from "./LinkBanner";
import { Sidebar } from "./Sidebar";
import { SignIn } from "./SignIn";

export function App() {
  const { link, me, conversations, current } = useChat();
  const [menu, setMenu] = useState(false);
  const unread = Object.values(conversations).reduce((sum, c) => sum + c.unread, 0);

  useEffect(() => {
    document.title = unread ? `(${unread}) Roomcast chat` : "Roomcast chat";
  }, [unread]);

  if (link.status === "signed out") return <SignIn error={link.error} />;
  if (!me) return <SignIn waiting={link} />;
  return (
    <div className="app">
      <LinkBanner link={link} />
      <div className="panes">
        <Sidebar shown={menu} close={() => setMenu(false)} />
        <Conversation key={current} unread={unread} openMenu={() => setMenu(true)} />
      </div>
    </div>
  );
}
