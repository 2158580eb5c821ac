import { Fragment } from "react";
import { format, isEmoji, naming, type Piece } from "../format";

/** Shows what somebody has written. */
export function Text({ text, mentions = [] }: { text: string; mentions?: readonly string[] }) {
  return <div className={isEmoji(text) ? "text emoji" : "text"}>{pieces(format(text), mentions)}</div>;
}

// Pieces have no identity of their own, and a text doesn't change: their place is their key.
const pieces = (list: Piece[], mentions: readonly string[]) =>
  list.map((piece, i) => <Fragment key={i}>{show(piece, mentions)}</Fragment>);

function show(piece: Piece, mentions: readonly string[]) {
  switch (piece.kind) {
    case "text":
      return mentions.length > 0 ? named(piece.text, mentions) : piece.text;
    case "code":
      return <code>{piece.text}</code>;
    case "block":
      return (
        <pre dir="ltr">
          <code>{piece.text}</code>
        </pre>
      );
    case "link":
      return (
        <a href={piece.text} target="_blank" rel="noopener noreferrer">
          {piece.text}
        </a>
      );
    case "strong":
      return <strong>{pieces(piece.pieces, mentions)}</strong>;
    case "em":
      return <em>{pieces(piece.pieces, mentions)}</em>;
  }
}

/** A text in which the people stand out that it mentions. */
function named(text: string, mentions: readonly string[]) {
  return text.split(naming(mentions)).map((part, i) => (i % 2 ? <mark key={i}>{part}</mark> : part));
}
