import { useEffect, useState } from "react";
import { picture } from "../pictures";
import { useChat } from "../store";

export function Picture({ id, alt }: { id: string; alt: string }) {
  const online = useChat().link.status === "online";
  const [url, setUrl] = useState("");
  const [error, setError] = useState("");

  useEffect(() => {
    if (!online) return;
    let shown = true;
    let made = "";
    picture(id).then(
      (blob) => {
        if (!shown) return;
        made = URL.createObjectURL(blob);
        setUrl(made);
        setError("");
      },
      (e: Error) => shown && setError(e.message),
    );
    return () => {
      shown = false;
      URL.revokeObjectURL(made);
    };
  }, [id, online]);

  if (url && !error) {
    return <img className="picture" src={url} alt={alt} onError={() => setError("This can't be shown.")} />;
  }
  return <p className="picture missing">{error || "Loading the picture…"}</p>;
}
