import { useEffect } from "react";

const PLACES = ".message, .messages, .composer, dialog[open], nav, main";

/**
 * Gives the focus a new place when the element that has it goes or is switched off: near to it, or in the field for
 * messages. Else the keyboard would begin again at the top of the page.
 */
export function useFocusKept(): void {
  useEffect(() => {
    let path: Element[] = []; // the element that has the focus, and the places that it is in
    const isGone = (e: Element) => !e.isConnected || e.matches(":disabled");

    function onFocus({ target }: FocusEvent) {
      if (!(target instanceof Element)) return;
      path = [target];
      for (let at = target.closest(PLACES); at; at = at.parentElement?.closest(PLACES) ?? null) path.push(at);
    }

    function mend() {
      const [had, ...places] = path;
      if (!had || document.activeElement !== document.body || matchMedia("(pointer: coarse)").matches) return;
      if (!isGone(had)) path = []; // the visitor has clicked beside it
      else refuge(places)?.focus({ preventScroll: true });
    }

    const later = () => setTimeout(mend);
    const observer = new MutationObserver(later);
    observer.observe(document.body, { subtree: true, childList: true, attributeFilter: ["disabled"] });
    addEventListener("focusin", onFocus);
    addEventListener("focusout", later);
    return () => {
      observer.disconnect();
      removeEventListener("focusin", onFocus);
      removeEventListener("focusout", later);
    };
  }, []);
}

/** Where the focus goes: the nearest place that is left, or a question to the visitor, or the field for messages. */
function refuge(places: Element[]): HTMLElement | null {
  const place = places.find((e) => e.isConnected) as HTMLElement | undefined;
  if (place?.matches(".message, .messages")) {
    if (!place.hasAttribute("tabindex")) place.tabIndex = -1;
    return place;
  }
  const first = (within: ParentNode, ...kinds: string[]) => kinds.map((kind) => within.querySelector<HTMLElement>(kind)).find((e) => e) ?? null;
  if (!place) return first(document, ".banner [role=alert] button", "main textarea", "main input");
  return first(place, "textarea", "input:not([tabindex])", "button:enabled");
}
