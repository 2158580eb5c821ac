import { Refused, type Attachment, type Refusal } from "./wire.js";

/**
 * Uploads a file to the server's handler of files, and returns the attachment for a draft. Afterwards the file is at `${url}/${id}`. `init` is for
 * the options of fetch: headers, `credentials` on another origin, a signal. Throws Refused, and the errors of fetch if there is no connection.
 */
export async function upload(url: string, file: File | Blob, init: RequestInit = {}): Promise<Attachment> {
  const name = encodeURIComponent("name" in file ? file.name : "");
  const answer = await fetch(`${url}?name=${name}`, { ...init, method: "POST", body: file });
  const said = await (answer.json() as Promise<Attachment & { error?: string; data?: Refusal }>).catch(() => undefined); // a proxy may answer with a page
  if (answer.ok && said) return { id: said.id, name: said.name, type: said.type, size: said.size };
  throw new Refused(said?.error ?? answer.statusText, said?.data ?? { code: answer.status === 413 ? "too_large" : "internal" });
}
