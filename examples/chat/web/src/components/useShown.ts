import type { Message, Room, RoomView } from "roomcast-chat";
import { useCallback, useLayoutEffect, useState } from "react";

const SHOWN = 300; // messages at the end of a room
const MORE = 100;

/**
 * The messages that the page shows: the last ones, and those that the visitor has scrolled up to. While the visitor
 * reads there, none goes that is shown.
 */
export function useShown(view: RoomView & Pick<Room, "loadOlder">, atEnd: boolean) {
  const { messages, older, loadOlder } = view;
  const [held, hold] = useState<number>();
  const tail = messages.at(-SHOWN)?.seq ?? 0;
  const low = held ?? tail;

  useLayoutEffect(() => hold(atEnd ? undefined : tail), [atEnd]);

  const hidden = messages.findIndex((m) => m.seq >= low);
  const showMore = useCallback(() => {
    if (hidden > 0) hold(messages[Math.max(0, hidden - MORE)]?.seq);
    else if (older) void loadOlder().catch(() => {}); // the visitor scrolls again
  }, [hidden, messages, older, loadOlder]);

  /** Shows the messages from one on that is loaded. */
  const reach = (seq: number) => hold(Math.min(low, seq));

  const shown: readonly Message[] = hidden > 0 ? messages.slice(hidden) : messages;
  return { shown, hasMore: hidden > 0 || older, showMore, reach };
}
