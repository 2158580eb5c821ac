import type { Attachment } from "roomcast-chat";
import { useCallback, useEffect, useState } from "react";
import { isPicture, send } from "../files";
import { wordsOf } from "../words";
import { CloseIcon, FileIcon } from "./Icons";

const MOST = 10; // in a message, as the server has it

/** A file that was chosen, on its way to the server. */
interface Chosen {
  file: File;
  sent: Promise<Attachment>;
}

/** What was chosen in each room, for when the visitor comes back to it. */
const kept = new Map<string, Chosen[]>();

/** The files that go with the next message of a room. */
export function useAttachments(room: string, complain: (why: string) => void) {
  const [chosen, choose] = useState<Chosen[]>(() => kept.get(room) ?? []);

  useEffect(() => {
    kept.set(room, chosen);
  }, [room, chosen]);

  const drop = useCallback((gone: Chosen) => choose((all) => all.filter((c) => c !== gone)), []);

  const add = useCallback(
    (files: Iterable<File>) => {
      for (const file of files) {
        const one: Chosen = { file, sent: send(file) };
        one.sent.catch((error) => {
          drop(one);
          complain(`${file.name}: ${wordsOf(error)}`);
        });
        choose((all) => (all.length < MOST ? [...all, one] : all));
      }
    },
    [drop, complain],
  );

  const list = chosen.length > 0 && (
    <ul className="attachments" aria-label="Files to send">
      {chosen.map((c, i) => (
        <li key={i} className="attachment">
          {isPicture(c.file.type) ? <Thumbnail file={c.file} /> : <span className="file"><FileIcon /> <span className="label">{c.file.name}</span></span>}
          <button type="button" className="tool" onClick={() => drop(c)} title={`Remove ${c.file.name}`}>
            <CloseIcon />
            <span className="hidden">Remove {c.file.name}</span>
          </button>
        </li>
      ))}
    </ul>
  );
  return {
    any: chosen.length > 0,
    add,
    list,
    /** Resolves when all are on the server. */
    all: () => Promise.all(chosen.map((c) => c.sent)),
    clear: () => choose([]),
  };
}

function Thumbnail({ file }: { file: File }) {
  const [url, setUrl] = useState("");
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    const made = URL.createObjectURL(file);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [file]);
  if (failed) return <span className="file"><FileIcon /> <span className="label">{file.name}</span></span>;
  return url && <img src={url} alt="The picture to send" onError={() => setFailed(true)} />;
}
