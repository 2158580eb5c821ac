/** How many messages haven't been read; nothing if all have. */
export function Unread({ count }: { count: number }) {
  if (count === 0) return null;
  return (
    <span className="unread">
      {count}
      <span className="hidden"> unread </span>
    </span>
  );
}
