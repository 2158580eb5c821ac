import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef } from "react";
import { seeEnd } from "../actions";
import type { Entry } from "../state";
import { current, useChat } from "../store";

const NEAR = 80; // px

/**
 * Keeps a scrolling box at its end, until the visitor scrolls up, and again once they come back or say something.
 * It begins at the line above what is new, if there is one.
 */
export function useEnd(entries: Entry[], newLine: RefObject<HTMLElement | null>) {
  const box = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const top = useRef(0); // as of the last scrolling
  const { atEnd } = useChat();

  const follow = useCallback(() => {
    if (!box.current || !current().atEnd) return;
    box.current.scrollTop = box.current.scrollHeight;
    top.current = box.current.scrollTop;
  }, []);

  const onScroll = useCallback(() => {
    if (!box.current) return;
    const { scrollTop, scrollHeight, clientHeight } = box.current;
    const gap = scrollHeight - scrollTop - clientHeight;
    const up = scrollTop < top.current;
    top.current = scrollTop;
    // Content may have grown again before this is called for following it: only the visitor scrolls up.
    if (up && gap > 2) seeEnd(false);
    if (!up && gap < NEAR) seeEnd(true);
  }, []);

  useLayoutEffect(() => {
    if (current().atEnd || !newLine.current) return;
    newLine.current.scrollIntoView({ block: "start" });
    onScroll();
  }, [newLine, onScroll]);

  // Each new message is followed for itself. The height tells nothing: an old one may go for each that comes.
  useLayoutEffect(follow, [entries, atEnd]);

  // Pictures that have loaded, a window or a keyboard that changes its size.
  useEffect(() => {
    const observer = new ResizeObserver(follow);
    if (box.current) observer.observe(box.current);
    if (content.current) observer.observe(content.current);
    return () => observer.disconnect();
  }, [follow]);

  return { box, content, onScroll, atEnd };
}
