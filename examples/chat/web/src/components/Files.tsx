import type { Attachment } from "roomcast-chat";
import { useState } from "react";
import { addressOf, isPicture, sizeOf } from "../files";
import { useOnline } from "../store";
import { FileIcon } from "./Icons";
import { PictureDialog } from "./PictureDialog";

/** The files of a message: pictures to be seen, all others to be saved. */
export function Files({ files = [], alt }: { files?: readonly Attachment[]; alt: string }) {
  return files.map((file) => (isPicture(file.type) ? <Picture key={file.id} file={file} alt={alt} /> : <Other key={file.id} file={file} />));
}

function Picture({ file, alt }: { file: Attachment; alt: string }) {
  const online = useOnline();
  const [failed, setFailed] = useState(false);
  const [large, setLarge] = useState(false);
  const url = addressOf(file);
  if (failed) {
    return (
      <p className="picture missing">
        {online ? "This picture can't be shown." : "This picture can't be loaded now."}{" "}
        <button type="button" className="link" onClick={() => setFailed(false)}>
          Try again
        </button>
      </p>
    );
  }
  return (
    <>
      <button type="button" className="picture" onClick={() => setLarge(true)} title="Show it large">
        <img src={url} alt={alt} onError={() => setFailed(true)} />
      </button>
      {large && <PictureDialog url={url} alt={alt} close={() => setLarge(false)} />}
    </>
  );
}

const Other = ({ file }: { file: Attachment }) => (
  <a className="file" href={addressOf(file)} download={file.name}>
    <FileIcon />
    <span className="label" dir="auto">
      {file.name || "A file"}
    </span>
    <small>{sizeOf(file.size)}</small>
  </a>
);
