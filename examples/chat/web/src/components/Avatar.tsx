import type { Presence } from "../state";

/** Initials on a colour that stays with the person. */
export function Avatar({ who, presence }: { who: string; presence?: Presence }) {
  return (
    <span className="avatar" style={{ "--hue": hue(who) }} aria-hidden="true">
      {initials(who)}
      {presence && <span className={`dot ${presence}`} />}
    </span>
  );
}

function initials(name: string): string {
  const words = name.split(" ");
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : [name];
  return letters
    .map((word) => firstCharacter(word ?? ""))
    .join("")
    .toUpperCase();
}

const characters = new Intl.Segmenter(); // an emoji or a letter with accents is one

const firstCharacter = (word: string): string => characters.segment(word)[Symbol.iterator]().next().value?.segment ?? "";

function hue(name: string): number {
  let hash = 0;
  for (const c of name) hash = (hash * 31 + c.charCodeAt(0)) % 3600;
  return hash / 10;
}
