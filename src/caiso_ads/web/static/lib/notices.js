// What has just come, above every view. Rule: a contingency stays until somebody puts it away; the rest goes by itself.

import { h } from "./dom.js";
import { both, words } from "./format.js";

const MOST = 4;
const SHOWN_MS = 30_000;
const STAYS = new Set(["contingency"]);

let list = null;

/** Make the place for notices below `above`. */
export function noticePlace(above) {
  list = h("ul", { class: "news", "aria-label": "News" });
  above.after(list);
}

/** Show one; the screen reader hears it elsewhere, so this is no live region. */
export function showNotice(kind, text, at) {
  const item = h("li", { "data-kind": kind },
    h("strong", {}, words(kind)), h("span", {}, text), h("span", { class: "when" }, both(at)),
    h("button", { type: "button", "aria-label": `Put away: ${text}`, onclick: () => item.remove() }, "OK"));
  list.prepend(item);
  while (list.children.length > MOST) oldest().remove();
  if (!STAYS.has(kind)) setTimeout(() => item.remove(), SHOWN_MS);
}

/** The one that goes first: the oldest that need not stay, else the oldest. */
function oldest() {
  const items = [...list.children].reverse();
  return items.find((item) => !STAYS.has(item.dataset.kind)) ?? items[0];
}
