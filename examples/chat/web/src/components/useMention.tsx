import { type KeyboardEvent, type RefObject, useState } from "react";
import { useChat } from "../store";

const OFFERED = 6; // people at once
const BEGUN = /(?:^|\s)@([^@\n]{0,24})$/; // before the cursor

/** Offers the people of a room while "@" and the beginning of a name are written. */
export function useMention(room: string, field: RefObject<HTMLTextAreaElement | null>, change: (text: string) => void) {
  const { members, me } = useChat();
  const [begun, begin] = useState<string>();
  const [chosen, choose] = useState(0);
  const fits = (name: string) => name !== me && name.toLowerCase().startsWith(begun?.toLowerCase() ?? "");
  const offered = begun === undefined ? [] : (members[room] ?? []).filter(fits).slice(0, OFFERED);

  /** Looks at what is before the cursor. */
  function look({ value, selectionStart }: HTMLTextAreaElement) {
    begin(value.slice(0, selectionStart).match(BEGUN)?.[1]);
    choose(0);
  }

  function take(name: string | undefined) {
    const at = field.current;
    if (!at || name === undefined) return;
    const before = at.value.slice(0, at.selectionStart).replace(BEGUN, (found) => found.slice(0, found.indexOf("@") + 1) + name);
    change(`${before} ${at.value.slice(at.selectionStart).trimStart()}`);
    begin(undefined);
    at.focus();
  }

  /** Handles a key while people are offered. Returns whether it was for them. */
  function onKey(event: KeyboardEvent): boolean {
    if (offered.length === 0) return false;
    const moves: Record<string, number> = { ArrowDown: 1, ArrowUp: offered.length - 1 };
    const by = moves[event.key];
    if (by !== undefined) choose((chosen + by) % offered.length);
    else if (event.key === "Enter" || event.key === "Tab") take(offered[chosen]);
    else if (event.key === "Escape") begin(undefined);
    else return false;
    event.preventDefault();
    return true;
  }

  const list = offered.length > 0 && (
    <ul className="offered" role="listbox" aria-label="People to mention" id="offered">
      {offered.map((name, i) => (
        <li key={name} id={`offered-${i}`} role="option" aria-selected={i === chosen} dir="auto" onPointerDown={(e) => (e.preventDefault(), take(name))}>
          {name}
        </li>
      ))}
    </ul>
  );
  const shows = offered.length > 0 ? { "aria-controls": "offered", "aria-activedescendant": `offered-${chosen}` } : {};
  return { look, onKey, list, shows };
}
