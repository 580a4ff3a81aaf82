// Directive and quality as signs: a word, a shape and a colour class. Rule: the colour is never the only sign.

import { h, icon, mark, say } from "./dom.js";
import { words } from "./format.js";

const SHAPES = {
  FOLLOW: "M3 2l11 6-11 6z",
  HOLD: "M3 2h4v12H3zM9 2h4v12H9z",
  RELEASE: "M8 2l6 7H2zM2 11h12v3H2z",
  NO_DATA: "M3 1l5 5 5-5 2 2-5 5 5 5-2 2-5-5-5 5-2-2 5-5-5-5z",
  TEST: "M2 2h12v3H9.5v9h-3V5H2z",
};
const MEANINGS = {
  FOLLOW: "the plant may follow the setpoint",
  HOLD: "keep the last good setpoint",
  RELEASE: "no setpoint is given any more; the plant's own policy applies",
  NO_DATA: "no setpoint is known",
  TEST: "numbers of a simulation; never to be followed",
};

/** A sign for a directive; `show(word)` changes it. */
export function directiveSign() {
  const text = h("span", {});
  const sign = h("span", { class: "directive" }, text);
  let shown = null;
  return {
    element: sign,
    show(word) {
      if (word === shown) return;
      shown = word;
      sign.querySelector("svg")?.remove();
      if (SHAPES[word]) sign.prepend(icon(SHAPES[word]));
      mark(sign, "data-directive", word ?? "NO_DATA");
      mark(sign, "title", MEANINGS[word] ?? null);
      say(text, word ? word.replace("_", " ") : "?");
    },
  };
}

/** A sign for a quality: nothing to see while it is good. */
export function qualitySign() {
  const sign = h("span", { class: "quality" });
  return {
    element: sign,
    show(code) {
      mark(sign, "data-quality", code ?? "INIT");
      say(sign, words(code));
    },
  };
}

/** Whether a point may be shown as good. */
export const isGood = (point) => point?.quality === "GOOD" && point.value !== null;
