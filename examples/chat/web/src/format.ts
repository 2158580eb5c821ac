// What people write, with links, code and emphasis in it: `code`, ```blocks```, *strong*, _emphasis_.
// The result is data for React, never HTML, and only http and https become links, by their whole address.

export type Piece =
  | { kind: "text" | "code" | "block" | "link"; text: string }
  | { kind: "strong" | "em"; pieces: Piece[] };

const MARK = new RegExp(
  [
    "```\\n?(?<block>[^]+?)\\n?```\\n?",
    "`(?<code>[^`\\n]+)`",
    // No character in a link may be invisible or turn the direction of writing: it would hide where the link leads.
    "(?<link>https?://[^\\s<>\"`\\p{Cc}\\p{Cf}]+)",
    "(?<![\\p{L}\\p{N}*])\\*(?<strong>[^\\s*](?:[^*\\n]*[^\\s*])?)\\*(?![\\p{L}\\p{N}*])",
    "(?<![\\p{L}\\p{N}_])_(?<em>[^\\s_](?:[^_\\n]*[^\\s_])?)_(?![\\p{L}\\p{N}_])",
  ].join("|"),
  "giu",
);

export function format(text: string): Piece[] {
  const pieces: Piece[] = [];
  const add = (piece: Piece) => {
    if (!("text" in piece) || piece.text) pieces.push(piece);
  };
  let from = 0;
  for (const match of text.matchAll(MARK)) {
    const { block, code, link, strong, em } = match.groups ?? {};
    let end = match.index + match[0].length;
    let piece: Piece;
    if (block) piece = { kind: "block", text: block };
    else if (code) piece = { kind: "code", text: code };
    else if (strong) piece = { kind: "strong", pieces: format(strong) };
    else if (em) piece = { kind: "em", pieces: format(em) };
    else {
      const address = withoutEnd(link ?? "");
      if (!URL.canParse(address)) continue;
      end = match.index + address.length;
      piece = { kind: "link", text: address };
    }
    add({ kind: "text", text: text.slice(from, match.index) });
    add(piece);
    from = end;
  }
  add({ kind: "text", text: text.slice(from) });
  return pieces;
}

/** An address without the punctuation of the sentence that it ends. */
function withoutEnd(address: string): string {
  const last = address.at(-1) ?? "";
  const closes = last === ")" && address.split(")").length > address.split("(").length;
  return closes || ".,;:!?'\"]}".includes(last) ? withoutEnd(address.slice(0, -1)) : address;
}

/** Up to three emoji and nothing else, to be shown large. */
const EMOJI = new RegExp("^(?:\\p{RGI_Emoji}\\s*){1,3}$", "v");

export const isEmoji = (text: string): boolean => EMOJI.test(text);

/** Matches a mention of one of these people: "@Ada Lovelace" names her, not Ada, and "@Adam" nobody. */
export function naming(names: readonly string[]): RegExp {
  const longestFirst = [...names].sort((a, b) => b.length - a.length).map((name) => name.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&"));
  return new RegExp(`(@(?:${longestFirst.join("|")})(?!\\w))`, "gu");
}
