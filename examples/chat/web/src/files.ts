// Files go to the server as soon as they are chosen, and are part of a message later.

import { type Attachment, Refused, upload } from "roomcast-chat";
import { LARGEST, smaller } from "./pictures";
import { current, subscribe } from "./store";

const FILES = "/files";
const MOST = 25 << 20; // bytes, as the server has it
const TRIES = 3; // with a connection

export const addressOf = (file: Attachment): string => `${FILES}/${file.id}`;

/** The server shows these in a page; all others it gives out to be saved. */
export const isPicture = (type: string): boolean => /^image\/(png|jpeg|gif|webp|avif)$/.test(type);

/** Sends a file, also after a while without connection. Throws Refused. */
export async function send(file: File): Promise<Attachment> {
  if (file.size > MOST) throw new Refused("", { code: "too_large" });
  const small = isPicture(file.type) && file.size > LARGEST ? await smaller(file).catch(() => file) : file;
  for (let tries = 1; ; tries++) {
    try {
      return await upload(FILES, small);
    } catch (error) {
      if (error instanceof Refused || tries === TRIES) throw error;
      await online();
    }
  }
}

/** Waits a moment, and until there is a connection. */
async function online(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 1000));
  if (current().link.status === "online") return;
  await new Promise<void>((resolve) => {
    const end = subscribe(() => {
      if (current().link.status !== "online") return;
      end();
      resolve();
    });
  });
}

export function sizeOf(bytes: number): string {
  return bytes < 1 << 20 ? `${Math.ceil(bytes / 1024)} KB` : `${(bytes / (1 << 20)).toFixed(1)} MB`;
}
