// What must each resource do now: one card each, in the order of the registers.
// Rule: a number that is not good looks so, and says why.

import { directiveSign, isGood, qualitySign } from "../lib/signs.js";
import { h, mark, say } from "../lib/dom.js";
import { age, mw, span, usd, words } from "../lib/format.js";

export const title = "Now";

export async function mount(root, app) {
  const grid = h("div", { class: "cards" });
  const none = h("p", { class: "quiet" }, "Waiting for the first snapshot …");
  root.append(h("h1", { class: "unseen" }, "Now"), summary(app, root), grid, none);
  let cards = [];
  const rebuild = () => {
    cards = app.feed.snapshot.resources.map((resource) => card(resource));
    grid.replaceChildren(...cards.map((each) => each.element));
    none.remove();
    update();
  };
  const update = () => app.feed.snapshot?.resources.forEach((resource, place) => cards[place]?.show(resource));
  if (app.feed.snapshot) rebuild();
  app.feed.addEventListener("snapshot", rebuild);
  app.feed.addEventListener("change", update);
  return () => {
    app.feed.removeEventListener("snapshot", rebuild);
    app.feed.removeEventListener("change", update);
    root.querySelector(".summary")?.leave();
  };
}

/** How many resources have which directive, above all cards: what a wall screen is looked at for. */
function summary(app, root) {
  const line = h("p", { class: "summary" });
  const show = () => {
    const counts = new Map();
    for (const { points } of app.feed.snapshot?.resources ?? []) {
      const word = points.directive.word ?? "?";
      counts.set(word, (counts.get(word) ?? 0) + 1);
    }
    const link = app.feed.snapshot?.gateway.link_age_s?.value;
    const parts = [...counts].map(([word, count]) => `${count} ${word.replace("_", " ")}`);
    say(line, parts.length ? `${parts.join(" · ")} — ADS polled ${link === null ? "never" : `${age(link)} ago`}` : "");
  };
  app.feed.addEventListener("snapshot", show);
  app.feed.addEventListener("change", show);
  line.leave = () => {
    app.feed.removeEventListener("snapshot", show);
    app.feed.removeEventListener("change", show);
  };
  show();
  return line;
}

function card(resource) {
  const directive = directiveSign();
  const quality = qualitySign();
  const setpoint = h("output", { class: "setpoint", "aria-label": "Setpoint in MW" });
  const targets = ramp();
  const supplemental = h("dd", {});
  const price = h("dd", {});
  const ages = h("dd", {});
  const notices = h("p", { class: "notices" });
  const why = h("p", { class: "why" });
  const rows = h("dl", {}, h("dt", {}, "SUPP"), supplemental, h("dt", {}, "LMP of the DOT"), price, h("dt", {}, "Age"), ages);
  const element = h("article", { class: "card", "data-resource": resource.id, "aria-label": resource.name },
    h("header", {}, h("h2", { title: resource.id }, resource.name), directive.element),
    h("p", { class: "value" }, setpoint, h("span", { class: "unit" }, " MW"), quality.element),
    targets.element, rows, why, notices,
    h("p", { class: "more" }, h("a", { href: `/timeline?resource=${encodeURIComponent(resource.id)}` }, "Timeline")));
  return {
    element,
    show({ points, dot_lmp: lmp }) {
      directive.show(points.directive.word);
      mark(element, "data-directive", points.directive.word);
      quality.show(points.quality.word);
      say(setpoint, mw(points.setpoint_mw.value));
      mark(setpoint, "data-good", isGood(points.setpoint_mw) ? "yes" : "no");
      targets.show(points);
      say(supplemental, added(points));
      say(price, lmp ? `${usd(lmp.value)} USD/MWh${lmp.quality === "GOOD" ? "" : ` (${words(lmp.quality)})`}` : "no node");
      say(ages, `DOT ${age(points.dispatch_age_s.value)}, DOP ${age(points.trajectory_age_s.value)}`);
      say(why, reasons(points));
      say(notices, noticed(points));
    },
  };
}

/** What real-time dispatch adds to the schedule, and what the ISO says of following. */
function added(points) {
  const flag = FLAGS[points.follow_dot_flag.word];
  return `${mw(points.supplemental_mw.value)} MW${flag ? `, ${flag}` : ""}`;
}

/** What is out of the ordinary, also that the ISO holds wind or sun back. */
function noticed(points) {
  const codes = points.notices.word;
  const said = [points.curtailed.word === "YES" && "curtailed", codes && codes !== "NONE" && spaced(codes)];
  return said.filter(Boolean).join(", ");
}

const FLAGS = { YES: "must follow DOT", NO: "need not follow DOT" };
const spaced = (codes) => codes.split(" ").map(words).join(", ");

function reasons(points) {
  const codes = points.reasons.word;
  return codes && codes !== "NONE" ? `Why: ${spaced(codes)}` : "";
}

/** From this target to the next: two numbers, the time left, and a bar of how far the setpoint has come. */
function ramp() {
  const from = h("span", { class: "number" });
  const to = h("span", { class: "number" });
  const left = h("span", { class: "left" });
  const rate = h("span", { class: "rate" });
  const done = h("span", { class: "done" });
  const bar = h("div", { class: "bar", "aria-hidden": "true" }, done);
  const element = h("div", { class: "ramp" },
    h("p", {}, h("span", { class: "label" }, "DOT "), from, h("span", { "aria-label": "next" }, " → "), to, h("span", { class: "unit" }, " MW")),
    bar, h("p", { class: "small" }, left, rate));
  return {
    element,
    show(points) {
      const [start, end, now] = [points.dot_mw.value, points.next_dot_mw.value, points.setpoint_mw.value];
      say(from, mw(start));
      say(to, mw(end));
      const seconds = points.seconds_to_next_target.value;
      say(left, typeof seconds === "number" ? `in ${span(seconds)}` : "no next target");
      const needed = points.required_mw_per_min.value;
      say(rate, typeof needed === "number" && needed !== 0 ? `, ${mw(needed)} MW/min needed` : "");
      const known = [start, end, now].every((value) => typeof value === "number") && start !== end;
      const share = known ? Math.min(1, Math.max(0, (now - start) / (end - start))) : 0;
      done.style.setProperty("inline-size", `${(share * 100).toFixed(1)}%`);
      mark(bar, "data-known", known ? "yes" : "no");
    },
  };
}
