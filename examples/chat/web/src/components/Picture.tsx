import { useEffect, useState } from "react";
import { picture } from "../pictures";
import { useOnline } from "../store";
import { PictureDialog } from "./PictureDialog";

export function Picture({ id, alt }: { id: string; alt: string }) {
  const online = useOnline();
  const [url, setUrl] = useState("");
  const [error, setError] = useState("");
  const [large, setLarge] = useState(false);

  useEffect(() => {
    if (!online || url) return;
    let wanted = true;
    picture(id).then(
      (blob) => {
        if (!wanted) return;
        setUrl(URL.createObjectURL(blob));
        setError("");
      },
      (e: Error) => wanted && setError(e.message),
    );
    return () => {
      wanted = false;
    };
  }, [id, online, url]);

  useEffect(() => () => URL.revokeObjectURL(url), [url]);

  if (!url || error) return <p className="picture missing">{error || "Loading the picture…"}</p>;
  return (
    <>
      <button type="button" className="picture" onClick={() => setLarge(true)} title="Show it large">
        <img src={url} alt={alt} onError={() => setError("This can't be shown.")} />
      </button>
      {large && <PictureDialog url={url} alt={alt} close={() => setLarge(false)} />}
    </>
  );
}
