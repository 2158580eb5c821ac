import type { RoomView } from "roomcast-chat";
import { useLayoutEffect } from "react";
import { change, useChat } from "../store";

/**
 * Brings the message that is sought into view once it is loaded. `reach` shows messages that are loaded and hidden,
 * `look` looks where the box is scrolled to.
 */
export function useSought({ messages }: RoomView, reach: (seq: number) => void, look: () => void): void {
  const { sought } = useChat();

  useLayoutEffect(() => {
    if (sought === undefined || !messages.some((m) => m.seq === sought)) return;
    const target = document.getElementById(`m${sought}`);
    if (!target) return reach(sought);
    change((s) => ({ ...s, sought: undefined }));
    target.scrollIntoView({ block: "center" });
    target.tabIndex = -1; // so that a screen reader goes on from there
    target.focus({ preventScroll: true });
    target.animate({ opacity: [0.2, 1] }, 600);
    look();
  });
}
