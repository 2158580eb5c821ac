// Messages wait here until the server has acknowledged them, so that one written offline is sent on the next
// connection. A message may be sent twice, when only its acknowledgement was lost: the server knows it by its id.
//
// The client's own `retries` option would put every other event into the same line, pictures on their way down included.

import type { Draft, Forwarding, Message, Reply } from "./events";
import { socket } from "./socket";

type Outgoing =
  | { event: "message" | "announce" | "direct"; data: Draft }
  | { event: "forward"; data: Forwarding };

type Letter = Outgoing & { settle(reply: Reply<Message>): void; attempts: number };

const ANSWER_WITHIN = 20_000; // ms
const ATTEMPTS = 5; // while connected; waiting for a connection doesn't count

const waiting: Letter[] = [];
let sending = false;

/** Resolves with the server's answer, however long the connection takes to come back. */
export function post(outgoing: Outgoing): Promise<Reply<Message>> {
  return new Promise((settle) => {
    waiting.push({ ...outgoing, settle, attempts: 0 });
    void flush();
  });
}

async function flush(): Promise<void> {
  if (sending) return;
  sending = true;
  for (let letter = waiting[0]; letter && socket.connected; letter = waiting[0]) {
    const reply = await send(letter);
    if (!reply) continue;
    waiting.shift();
    letter.settle(reply);
  }
  sending = false;
}

async function send(letter: Letter): Promise<Reply<Message> | undefined> {
  const timed = socket.timeout(ANSWER_WITHIN);
  try {
    return letter.event === "forward"
      ? await timed.emitWithAck("forward", letter.data)
      : await timed.emitWithAck(letter.event, letter.data);
  } catch {
    letter.attempts++;
    return letter.attempts < ATTEMPTS ? undefined : { error: "The server doesn't answer." };
  }
}

socket.on("connect", () => void flush());
