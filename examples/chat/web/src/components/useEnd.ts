import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef } from "react";
import { seeEnd } from "../actions";
import { current, useChat } from "../store";

const NEAR = 80; // px
const SOON = 300; // px from the top, when older messages are asked for

/**
 * Keeps a scrolling box at its end, until the visitor scrolls up, and again once they come back or say something.
 * It begins at the line above what is new, if there is one. `shown` is what the box shows, `first` the oldest of it.
 */
export function useEnd(shown: unknown, first: number | undefined, newLine: RefObject<HTMLElement | null>, older: () => void) {
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
    if (scrollTop < SOON && !current().atEnd) {
      if (scrollTop < 1) box.current.scrollTop = 1; // from where the browser keeps what is shown in its place
      older();
    }
  }, [older]);

  const loaded = first !== undefined;
  useLayoutEffect(() => {
    if (!loaded || current().atEnd || !newLine.current) return;
    newLine.current.scrollIntoView({ block: "start" });
    onScroll();
  }, [loaded, newLine]);

  // Each new message is followed for itself. The height tells nothing: an old one may go for each that comes.
  useLayoutEffect(follow, [shown, atEnd]);

  useKeepPlace(box, content, first);

  // Pictures that have loaded, a window or a keyboard that changes its size.
  useEffect(() => {
    const observer = new ResizeObserver(follow);
    if (box.current) observer.observe(box.current);
    if (content.current) observer.observe(content.current);
    return () => observer.disconnect();
  }, [follow]);

  return { box, content, onScroll, atEnd };
}

/** Keeps what is shown in its place when older messages come above it, in browsers that don't by themselves. */
function useKeepPlace(box: RefObject<HTMLElement | null>, content: RefObject<HTMLElement | null>, first: number | undefined): void {
  const before = useRef({ first, height: 0 });
  useLayoutEffect(() => {
    const height = content.current?.offsetHeight ?? 0;
    const { first: was = 0, height: had } = before.current;
    before.current = { first, height };
    const above = first !== undefined && first < was && !current().atEnd;
    if (above && box.current && !CSS.supports("overflow-anchor", "auto")) box.current.scrollTop += height - had;
  });
}
