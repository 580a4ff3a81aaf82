// What was, is and will be asked of one resource: targets, operating points, price and the ledger of intervals.
// Rule: curves are what the gateway stored; nothing is drawn between what is not known.

import { h, mark, say, table } from "../lib/dom.js";
import { both, mw, pacificTime, usd, words } from "../lib/format.js";
import { aligned, lasting, nowLine, plot } from "../lib/plot.js";

export const title = "Timeline";
const HOURS = [1, 4, 12, 24];
const AHEAD_SHARE = 0.25;
const EVERY_MS = 10_000;
const STEP_S = 300;
const SERIES = [
  { label: "DOT", colour: "--accent", stepped: true, width: 3, unit: "MW" },
  { label: "DOP", colour: "--good", unit: "MW" },
  { label: "SUPP", colour: "--test", stepped: true, dash: [4, 4], unit: "MW" },
  { label: "LMP", colour: "--warn", stepped: true, scale: "price", unit: "USD/MWh" },
];

export async function mount(root, app) {
  const { items } = await app.api.get("/api/v1/resources", { limit: 500 });
  const asked = new URLSearchParams(location.search);
  const state = { resource: asked.get("resource") ?? items[0]?.id, hours: Number(asked.get("hours")) || 4, drawn: null };
  const choice = h("select", { onchange: () => become({ resource: choice.value }) },
    items.map((one) => h("option", { value: one.id, selected: one.id === state.resource }, one.name)));
  const spans = HOURS.map((hours) => h("button", { type: "button", "data-hours": hours, onclick: () => become({ hours }) }, `${hours} h`));
  const box = h("div", { class: "plot" });
  const strip = h("div", { class: "strip", role: "img" });
  const list = h("details", {}, h("summary", {}, "The same as a table"));
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  root.append(h("h1", {}, "Timeline"),
    h("div", { class: "tools" }, h("label", {}, "Resource", choice), h("div", { role: "group", "aria-label": "Span" }, spans),
      h("span", { class: "quiet" }, "Drag to zoom, double click for all. Times are Pacific.")),
    problem, box, h("h2", {}, "5-minute intervals"), h("div", { class: "axis" }, strip), legend(), list);

  const now = () => (app.feed.snapshot ? Date.parse(app.feed.snapshot.at) : Date.now());
  const range = () => {
    const all = state.hours * 3_600_000;
    const end = now() + all * AHEAD_SHARE;
    return [new Date(end - all), new Date(end)];
  };
  function become(change) {
    Object.assign(state, change);
    history.replaceState(null, "", `/timeline?${new URLSearchParams({ resource: state.resource, hours: state.hours })}`);
    state.drawn?.destroy();
    state.drawn = null;
    return look();
  }
  async function look() {
    for (const button of spans) mark(button, "aria-pressed", Number(button.dataset.hours) === state.hours);
    const [start, end] = range();
    try {
      const found = await app.api.get("/api/v1/timeline", { resource: state.resource, start: start.toISOString(), end: end.toISOString() });
      problem.hidden = true;
      await draw(found, start, end);
    } catch (error) {
      problem.hidden = false;
      say(problem, error.message);
    }
  }
  /** The strip of intervals stands below the curves: the same time at the same place, also when zoomed. */
  function moved(min, max, left, width) {
    const frame = Number.parseFloat(getComputedStyle(box).paddingInlineStart) + 1;
    strip.style.setProperty("margin-inline-start", `${left + frame}px`);
    strip.style.setProperty("inline-size", `${width}px`);
    intervals(strip, state.intervals ?? [], min * 1000, max * 1000);
  }
  async function draw(found, start, end) {
    const data = aligned([lasting(found.dot, STEP_S), lasting(found.dop, STEP_S, false), lasting(found.supplemental, STEP_S), lasting(found.price, STEP_S)]);
    mark(box, "data-empty", data[0].length ? null : "yes");
    if (state.drawn) state.drawn.update(data);
    else state.drawn = await plot(box, SERIES, data, { plugins: [nowLine(now)], moved });
    state.intervals = found.intervals;
    state.drawn.range(start / 1000, end / 1000);
    list.replaceChildren(list.firstChild, asTable(found));
  }
  await look();
  const timer = setInterval(look, EVERY_MS);
  return () => {
    clearInterval(timer);
    state.drawn?.destroy();
  };
}

function intervals(strip, found, start, end) {
  const all = end - start;
  const counts = new Map();
  const shown = found.filter((one) => Date.parse(one.start) + STEP_S * 1000 > start && Date.parse(one.start) < end);
  strip.replaceChildren(...shown.map((one) => {
    counts.set(one.state, (counts.get(one.state) ?? 0) + 1);
    const cell = h("span", { "data-state": one.state, title: `${pacificTime(one.start, { hour: "2-digit", minute: "2-digit" })} ${words(one.state)}${one.cause ? `: ${one.cause}` : ""}` });
    cell.style.setProperty("inset-inline-start", `${(100 * (Date.parse(one.start) - start)) / all}%`);
    cell.style.setProperty("inline-size", `${(100 * STEP_S * 1000) / all}%`);
    return cell;
  }));
  mark(strip, "aria-label", [...counts].map(([state, count]) => `${count} ${words(state)}`).join(", ") || "no intervals");
}

const legend = () => h("p", { class: "small legend" }, ["received", "late", "back_filled", "waiting", "none_sent", "not_fetched", "not_readable", "not_known"].map((state) => h("span", {}, h("i", { "data-state": state }), words(state))));

function asTable(found) {
  const targets = found.dot.map(([time, value]) => h("tr", {}, h("td", {}, both(time)), h("td", { class: "number" }, mw(value)), h("td", { class: "number" }, usd(priceAt(found.price, time)))));
  return table("Targets", ["Target time", { text: "DOT MW", class: "number" }, { text: "LMP USD/MWh", class: "number" }], targets);
}

/** The price of the 5-minute interval in which a time lies. */
function priceAt(list, time) {
  const at = Date.parse(time);
  return (list ?? []).find(([start]) => Date.parse(start) <= at && at < Date.parse(start) + STEP_S * 1000)?.[1] ?? null;
}
