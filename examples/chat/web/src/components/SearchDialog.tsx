import { type FormEvent, useEffect, useRef, useState } from "react";
import { open } from "../actions";
import type { Entry } from "../events";
import { excerpt, type Hit, openAt } from "../search";
import { chat } from "../session";
import { DIRECTORY, kindOf, nameOf } from "../state";
import { current } from "../store";
import { Avatar } from "./Avatar";
import { CloseIcon, HashIcon, SearchIcon } from "./Icons";
import { textOf } from "./Quote";
import { useSearch } from "./useSearch";

const LONGEST = 80; // characters, which are less than the bytes that the server takes

/** What was searched for last, for when the visitor comes back to it. */
let last = { text: "", only: false };

/** Finds messages in the room that is shown, or in all that the visitor may read. */
export function SearchDialog({ room, name, close }: { room: string; name: string; close: () => void }) {
  const [{ text, only }, change] = useState(last);
  const query = text.trim();
  const { hits, after, error, online, more } = useSearch(query, only ? room : undefined);
  const dialog = useRef<HTMLDialogElement>(null);
  const field = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLUListElement>(null);
  const next = useRef<number>(undefined); // the first result of a page that was asked for

  useEffect(() => {
    dialog.current?.showModal();
    field.current?.focus();
    field.current?.select();
  }, []);

  useEffect(() => {
    last = { text, only };
  }, [text, only]);

  // The button for more may be gone, and the focus with it.
  useEffect(() => {
    if (next.current !== undefined) focusOn(next.current);
    next.current = undefined;
  }, [hits]);

  const focusOn = (index: number) => list.current?.children[index]?.querySelector("button")?.focus();

  function submit(event: FormEvent) {
    event.preventDefault();
    focusOn(0);
  }

  function pick(hit: Hit) {
    dialog.current?.close();
    void (hit.room === DIRECTORY ? open((hit.data as Entry).room) : openAt(hit.room, hit.seq));
  }

  return (
    <dialog ref={dialog} className="card search" onClose={close} aria-labelledby="search-title">
      <header>
        <h2 id="search-title">Search</h2>
        <button type="button" className="tool" onClick={() => dialog.current?.close()} title="Close the search">
          <CloseIcon />
          <span className="hidden">Close the search</span>
        </button>
      </header>
      <form role="search" onSubmit={submit}>
        <div className="words">
          <SearchIcon />
          <input
            ref={field}
            type="search"
            dir="auto"
            value={text}
            maxLength={LONGEST}
            onChange={(e) => change({ text: e.target.value, only })}
            placeholder="Words of a message"
            aria-label="Words of a message"
            autoComplete="off"
            enterKeyHint="search"
          />
        </div>
        <label className="only">
          <input type="checkbox" checked={only} onChange={(e) => change({ text, only: e.target.checked })} />
          <span>
            Only in <bdi>{name}</bdi>
          </span>
        </label>
      </form>
      <p role="status" className="quiet">
        {query && !error && status(online, hits, after)}
      </p>
      {error && (
        <p className="error" role="alert">
          {error}
        </p>
      )}
      <ul ref={list} aria-label="Results">
        {hits?.map((hit) => (
          <li key={`${hit.room} ${hit.seq}`}>
            <Result hit={hit} query={query} pick={() => pick(hit)} />
          </li>
        ))}
        {after && (
          <li>
            <button
              type="button"
              className="more link"
              onClick={() => {
                next.current = hits?.length;
                void more();
              }}
            >
              More
            </button>
          </li>
        )}
      </ul>
    </dialog>
  );
}

function status(online: boolean, hits: Hit[] | undefined, after: string | undefined): string {
  if (!online) return "There is no connection. The search goes on when it is back.";
  if (!hits) return "Searching…";
  if (hits.length === 0) return "Nothing found. All the words must be in a message.";
  return `${hits.length} ${hits.length === 1 ? "result" : "results"}${after ? ", and there are more" : ""}`;
}

function Result({ hit, query, pick }: { hit: Hit; query: string; pick: () => void }) {
  const isRoom = hit.room === DIRECTORY;
  const id = isRoom ? (hit.data as Entry).room : hit.room;
  return (
    <button type="button" className="item" onClick={pick}>
      {isRoom ? <HashIcon /> : <Avatar who={hit.author} />}
      <span className="label">
        <small>
          {isRoom ? (
            "A room"
          ) : (
            <>
              <b>
                <bdi>{hit.author}</bdi>
              </b>
              {" · "}
              <bdi>{placeOf(id)}</bdi>
              {" · "}
              <time dateTime={new Date(hit.at).toISOString()}>{moment.format(hit.at)}</time>
            </>
          )}
        </small>
        <span className="excerpt" dir="auto">
          {excerpt(textOf(hit), query).map(({ text, hit }, i) => (hit ? <mark key={i}>{text}</mark> : text))}
        </span>
      </span>
      {!current().rooms[id] && <span className="join">Join</span>}
    </button>
  );
}

/** Where a message was found. */
function placeOf(id: string): string {
  const room = current().rooms[id];
  const listed = chat.room(DIRECTORY).snapshot().messages.find((m) => (m.data as Entry).room === id);
  const name = (!room && listed?.text) || nameOf(room, id);
  return { room: `#${name}`, person: `you and ${name}`, notes: "your notes", everyone: "to everyone" }[kindOf(room)];
}

const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
