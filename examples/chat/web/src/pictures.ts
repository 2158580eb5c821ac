// Pictures come down one by one, when a message shows them.

import type { PictureArgs } from "./events";
import { chat } from "./session";

const LARGEST = 512 * 1024; // bytes, as the server has it
const LONGEST_SIDE = 1600; // px, of a picture that has to be made smaller
export const ACCEPTED = ["image/png", "image/jpeg", "image/gif", "image/webp"];

const KEPT = 60;
const cache = new Map<string, Promise<Blob>>();
let last: Promise<unknown> = Promise.resolve();

export function picture(id: string): Promise<Blob> {
  const known = cache.get(id);
  if (known) return known;
  const fetched = last.then(() => download(id));
  cache.set(id, fetched);
  last = fetched.catch(() => cache.delete(id)); // who shows it next asks again
  for (const oldest of cache.keys()) {
    if (cache.size <= KEPT) break;
    cache.delete(oldest);
  }
  return fetched;
}

async function download(id: string): Promise<Blob> {
  const bytes = await chat.call<ArrayBuffer>("picture", { id } satisfies PictureArgs);
  return new Blob([bytes]);
}

/** Sends a picture to the server. Returns its id for a message. */
export const upload = (data: ArrayBuffer): Promise<string> => chat.call<string>("upload", data);

/** Why a file can't be sent, or undefined. The server checks again, by content. */
export function unfit(file: File): string | undefined {
  if (!ACCEPTED.includes(file.type)) return "Only PNG, JPEG, GIF and WebP pictures can be sent.";
}

/** Reads a picture to be sent. One that is too large for the server is drawn anew, smaller. */
export async function readPicture(file: File): Promise<ArrayBuffer> {
  if (file.size <= LARGEST) return file.arrayBuffer();
  const original = await createImageBitmap(file);
  for (let side = LONGEST_SIDE; ; side /= 2) {
    const smaller = await draw(original, side);
    if (smaller.size <= LARGEST) return smaller.arrayBuffer();
  }
}

function draw(original: ImageBitmap, side: number): Promise<Blob> {
  const scale = Math.min(1, side / Math.max(original.width, original.height));
  const canvas = new OffscreenCanvas(Math.ceil(original.width * scale), Math.ceil(original.height * scale));
  const paper = canvas.getContext("2d");
  if (!paper) throw new Error("no canvas");
  paper.fillStyle = "#fff"; // JPEG has no transparency
  paper.fillRect(0, 0, canvas.width, canvas.height);
  paper.drawImage(original, 0, 0, canvas.width, canvas.height);
  return canvas.convertToBlob({ type: "image/jpeg", quality: 0.85 });
}
