import { type FormEvent, useState } from "react";
import { signIn } from "../actions";
import { savedName } from "../identity";
import type { Link } from "../state";
import { Banner } from "./Banner";
import { Logo } from "./Icons";

export function SignIn({ error, waiting }: { error?: string; waiting?: Link }) {
  const [name, setName] = useState(savedName);
  const busy = waiting !== undefined;

  function submit(event: FormEvent) {
    event.preventDefault();
    signIn(name);
  }

  return (
    <main className="sign-in">
      {waiting?.status === "offline" && <Banner link={waiting} />}
      <form onSubmit={submit} className="card">
        <Logo />
        <h1>Roomcast chat</h1>
        <p className="quiet">Pick a name, and you are in the lobby.</p>
        <label htmlFor="name">Your name</label>
        <input
          id="name"
          dir="auto"
          value={name}
          onChange={(e) => setName(e.target.value)}
          placeholder="Ada"
          autoComplete="nickname"
          autoFocus
          readOnly={busy}
          aria-invalid={Boolean(error)}
          aria-describedby={error ? "name-error" : undefined}
        />
        {error && (
          <p id="name-error" className="error" role="alert">
            {error}
          </p>
        )}
        <button type="submit" className="primary" disabled={busy}>
          {busy ? "Joining…" : "Join the chat"}
        </button>
      </form>
    </main>
  );
}
