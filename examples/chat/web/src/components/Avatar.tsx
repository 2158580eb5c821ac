import type { Profile } from "../events";

/** Initials on a colour that stays with the person. */
export function Avatar({ who, online }: { who: Profile; online?: boolean }) {
  return (
    <span className="avatar" style={{ "--hue": hue(who.id) }} aria-hidden="true">
      {initials(who.name)}
      {online !== undefined && <span className={online ? "dot on" : "dot"} />}
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

function hue(id: string): number {
  let hash = 0;
  for (const c of id) hash = (hash * 31 + c.charCodeAt(0)) % 3600;
  return hash / 10;
}
