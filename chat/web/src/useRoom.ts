import { useMemo, useSyncExternalStore } from "react";
import type { Chat, Room, RoomView } from "./chat.js";

type Actions = Pick<Room, "post" | "retry" | "discard" | "edit" | "delete" | "react" | "reacted" | "loadOlder" | "read" | "markUnread" | "type">;

/** Returns the view of a room and the functions that change it. The room is open while a component uses it. */
export function useRoom(chat: Chat, id: string): RoomView & Actions {
  const room = chat.room(id);
  const view = useSyncExternalStore(room.subscribe, room.snapshot, room.snapshot);
  return useMemo(() => {
    const { post, retry, discard, edit, react, reacted, loadOlder, read, markUnread, type } = room;
    return { ...view, post, retry, discard, edit, delete: room.delete, react, reacted, loadOlder, read, markUnread, type };
  }, [room, view]);
}
