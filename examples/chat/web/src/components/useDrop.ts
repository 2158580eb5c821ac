import { useEffect, useState } from "react";

/** Takes files that are dropped anywhere in the window. Returns whether some are being dragged over it. */
export function useDrop(take: (files: Iterable<File>) => void): boolean {
  const [over, setOver] = useState(false);

  useEffect(() => {
    const carriesFile = (e: DragEvent) => e.dataTransfer?.types.includes("Files");
    const onDragOver = (e: DragEvent) => {
      if (!carriesFile(e)) return;
      e.preventDefault(); // else the browser would open the file in place of the page
      setOver(true);
    };
    const onDragLeave = (e: DragEvent) => {
      if (!e.relatedTarget) setOver(false); // it has left the window
    };
    const onDrop = (e: DragEvent) => {
      setOver(false);
      if (!carriesFile(e)) return;
      e.preventDefault();
      take(e.dataTransfer?.files ?? []);
    };
    addEventListener("dragover", onDragOver);
    addEventListener("dragleave", onDragLeave);
    addEventListener("drop", onDrop);
    return () => {
      removeEventListener("dragover", onDragOver);
      removeEventListener("dragleave", onDragLeave);
      removeEventListener("drop", onDrop);
    };
  }, [take]);

  return over;
}
