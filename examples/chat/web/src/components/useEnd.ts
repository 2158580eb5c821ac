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
  const note = useKeepPlace(box, first);

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
    note();
    // Content may have grown again before this is called for following it: only the visitor scrolls up.
    if (up && gap > 2) seeEnd(false);
    if (!up && gap < NEAR) seeEnd(true);
    if (scrollTop < SOON && !current().atEnd) older();
  }, [older, note]);

  const loaded = first !== undefined;
  useLayoutEffect(() => {
    if (!loaded || current().atEnd || !newLine.current) return;
    newLine.current.scrollIntoView({ block: "start" });
    onScroll();
  }, [loaded, newLine]);

  // Each new message is followed for itself. The height tells nothing: an old one may go for each that comes.
  useLayoutEffect(follow, [shown, atEnd]);

  // Pictures that have loaded, a window or a keyboard that changes its size.
  useEffect(() => {
    const observer = new ResizeObserver(follow);
    if (box.current) observer.observe(box.current);
    if (content.current) observer.observe(content.current);
    return () => observer.disconnect();
  }, [follow]);

  return { box, content, onScroll, atEnd };
}

/**
 * Keeps what is shown in its place when older messages come above it. Browsers do that by themselves, but not if the
 * message at the top changes, which loses its author's name when it is no longer the first.
 */
function useKeepPlace(box: RefObject<HTMLElement | null>, first: number | undefined) {
  const before = useRef({ first, bottom: 0, mark: null as Element | null });

  const note = useCallback(() => {
    if (!box.current) return;
    const { left, width, top } = box.current.getBoundingClientRect();
    const at = (y: number) => document.elementsFromPoint(left + width / 2, top + y).find((e) => e.matches(".message"));
    const mark = at(4) ?? at(40) ?? at(80) ?? null;
    Object.assign(before.current, { mark, bottom: mark?.getBoundingClientRect().bottom });
  }, []);

  useLayoutEffect(() => {
    const { first: was = 0, mark, bottom } = before.current;
    before.current.first = first;
    const above = first !== undefined && first < was && !current().atEnd;
    if (above && box.current && mark?.isConnected) box.current.scrollTop += mark.getBoundingClientRect().bottom - bottom;
    note();
  });

  return note;
}
