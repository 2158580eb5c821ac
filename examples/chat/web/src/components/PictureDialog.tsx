import { useEffect, useRef } from "react";
import { CloseIcon } from "./Icons";

/** Shows a picture as large as the window lets it; a click anywhere or Escape closes it. */
export function PictureDialog({ url, alt, close }: { url: string; alt: string; close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);

  useEffect(() => dialog.current?.showModal(), []);

  return (
    <dialog ref={dialog} className="large" aria-label="Large picture" onClose={close} onClick={() => dialog.current?.close()}>
      <img src={url} alt={alt} />
      <button type="button" className="tool" title="Close">
        <CloseIcon />
        <span className="hidden">Close</span>
      </button>
    </dialog>
  );
}
