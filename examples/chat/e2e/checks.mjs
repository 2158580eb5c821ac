// What must hold for the page in each state.

import axe from "axe-core";

/** What axe-core finds in the page, each with the elements that it concerns. */
export async function barriers(page) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const { violations } = await window.axe.run(document, { resultTypes: ["violations"] });
    return violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => `${n.html} ${n.any[0]?.message ?? ""}`).join("; ")}`);
  });
}

/** The elements that show no ring when the keyboard reaches them, or one that something cuts off. */
export async function badRings(page) {
  await page.keyboard.press("Tab"); // from now on the browser shows where the focus is
  return page.evaluate(() => {
    const top = document.querySelector("dialog[open]") ?? document;
    const candidates = [...top.querySelectorAll("a[href], button, input, textarea, [tabindex]")];
    const reachable = candidates.filter(
      (e) => e.tabIndex >= 0 && !e.disabled && !e.closest("[inert]") && e.checkVisibility({ visibilityProperty: true }),
    );
    const begun = document.activeElement;
    const bad = [];
    for (const element of reachable) {
      element.focus();
      const ringed = element.matches("textarea") ? element.parentElement : element;
      const style = getComputedStyle(ringed);
      if (style.outlineStyle === "none") {
        bad.push(`no ring: ${element.outerHTML.slice(0, 200)}`);
        continue;
      }
      const reach = parseFloat(style.outlineWidth) + parseFloat(style.outlineOffset);
      const r = ringed.getBoundingClientRect();
      const ring = { left: r.left - reach, right: r.right + reach, top: r.top - reach, bottom: r.bottom + reach };
      const clips = [{ left: 0, right: innerWidth, top: 0, bottom: innerHeight }];
      for (let box = ringed.parentElement; box && box !== top.parentElement; box = box.parentElement) {
        if (getComputedStyle(box).overflow !== "visible" && box !== document.documentElement && box !== document.body) {
          clips.push(box.getBoundingClientRect());
        }
      }
      const cut = clips.some(
        (c) => ring.left < c.left - 0.5 || ring.right > c.right + 0.5 || ring.top < c.top - 0.5 || ring.bottom > c.bottom + 0.5,
      );
      if (cut) bad.push(`cut off: ${element.outerHTML.slice(0, 200)}`);
    }
    begun?.focus();
    return bad;
  });
}

/** Whether the page is wider than the window. */
export async function tooWide(page) {
  const excess = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  return excess > 0 ? [`${excess} px wider than the window`] : [];
}
