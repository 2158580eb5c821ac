import { Fragment } from "react";
import { format, isEmoji, type Piece } from "../format";

/** Shows what somebody has written. */
export function Text({ text }: { text: string }) {
  return <div className={isEmoji(text) ? "text emoji" : "text"}>{pieces(format(text))}</div>;
}

// Pieces have no identity of their own, and a text doesn't change: their place is their key.
const pieces = (list: Piece[]) => list.map((piece, i) => <Fragment key={i}>{show(piece)}</Fragment>);

function show(piece: Piece) {
  switch (piece.kind) {
    case "text":
      return piece.text;
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
      return <strong>{pieces(piece.pieces)}</strong>;
    case "em":
      return <em>{pieces(piece.pieces)}</em>;
  }
}
