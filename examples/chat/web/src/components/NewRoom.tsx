import { type FormEvent, useState } from "react";
import { enterRoom } from "../actions";
import { PlusIcon } from "./Icons";

/** Makes a room and opens it. A name that is refused stays, to be mended. */
export function NewRoom({ done }: { done: () => void }) {
  const [name, setName] = useState("");
  const [error, setError] = useState("");

  async function submit(event: FormEvent) {
    event.preventDefault();
    const refusal = await enterRoom(name);
    setError(refusal ?? "");
    if (refusal) return;
    setName("");
    done();
  }

  return (
    <>
      <form className="new-room" onSubmit={submit}>
        <label className="hidden" htmlFor="new-room">
          New room
        </label>
        <input
          id="new-room"
          dir="auto"
          value={name}
          onChange={(e) => setName(e.target.value)}
          placeholder="New room"
          autoComplete="off"
          aria-invalid={Boolean(error)}
          aria-describedby={error ? "new-room-error" : undefined}
        />
        <button type="submit" className="tool" title="Create the room" disabled={!name.trim()}>
          <PlusIcon />
          <span className="hidden">Create the room</span>
        </button>
      </form>
      {error && (
        <p id="new-room-error" className="error" role="alert">
          {error}
        </p>
      )}
    </>
  );
}
