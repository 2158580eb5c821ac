import { useCallback, useEffect, useRef, useState } from "react";
import { type Hit } from "../search";
import { chat } from "../session";
import { useOnline } from "../store";
import { wordsOf } from "../words";

const PAUSE = 250; // ms after a key, before the server is asked

interface Result {
  hits?: Hit[];
  /** Where the next page begins, if there is one. */
  after?: string;
  error?: string;
}

/** Searches a room, or all of them, while the visitor types. */
export function useSearch(text: string, room: string | undefined) {
  const online = useOnline();
  const [result, setResult] = useState<Result>({});
  const newest = useRef<object>(undefined); // an answer to an earlier question doesn't count

  const ask = useCallback(
    async ({ hits = [], after }: Result) => {
      const question = (newest.current = {});
      const next = await chat.search(text, { room, after }).then(
        (page): Result => ({ hits: [...hits, ...page.messages], after: page.after }),
        (error): Result => ({ hits, after, error: wordsOf(error) }),
      );
      if (newest.current === question) setResult(next);
    },
    [text, room],
  );

  useEffect(() => {
    newest.current = undefined;
    if (!text) return setResult({});
    if (!online) return;
    const timer = setTimeout(() => void ask({}), PAUSE);
    return () => clearTimeout(timer);
  }, [text, online, ask]);

  return { ...result, online, more: () => ask(result) };
}
