// What the ISO asks: real-time targets, and hourly instructions that wait for an answer.
// Rule: before anything is sent the whole of it stands on the screen; what became of it is told in the gateway's words.

import { ask } from "../lib/answer.js";
import { h, mark, say, table } from "../lib/dom.js";
import { both, mw, span, UNKNOWN, words } from "../lib/format.js";

export const title = "Instructions";
const TABS = { hourly: "Hourly", realtime: "Real time" };
const EVERY_MS = 5000;
const SOON_S = 300;
const SHORT = { hour: "2-digit", minute: "2-digit" };

export async function mount(root, app) {
  const asked = new URLSearchParams(location.search);
  const state = { tab: asked.get("tab") in TABS ? asked.get("tab") : "hourly", resource: asked.get("resource") ?? "", open: false, rows: [] };
  const { items: resources } = await app.api.get("/api/v1/resources", { limit: 500 });
  const tabs = Object.entries(TABS).map(([name, text]) =>
    h("button", { type: "button", role: "tab", "data-tab": name, id: `tab-${name}`, "aria-controls": "rows", onclick: () => become({ tab: name }) }, text));
  const choice = h("select", { onchange: () => become({ resource: choice.value }) }, h("option", { value: "" }, "all"),
    resources.map((one) => h("option", { value: one.id, selected: one.id === state.resource }, one.name)));
  const open = h("input", { type: "checkbox", onchange: () => become({ open: open.checked }) });
  const rows = h("div", { id: "rows", role: "tabpanel", tabindex: -1 });
  const more = h("button", { type: "button", hidden: true, onclick: () => look(true) }, "Older ones");
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  root.append(h("h1", {}, "Instructions"),
    h("div", { class: "tools" }, h("div", { role: "tablist", "aria-label": "Kind", onkeydown: (event) => turn(event) }, tabs), h("label", {}, "Resource", choice),
      h("label", { class: "check" }, open, "Only what can be answered now")),
    problem, rows, more);

  function become(change) {
    Object.assign(state, change);
    history.replaceState(null, "", `/instructions?${new URLSearchParams({ tab: state.tab, resource: state.resource })}`);
    return look();
  }
  /** Arrow keys go from tab to tab, as everywhere. */
  function turn(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = tabs.at((tabs.indexOf(event.target) + step) % tabs.length);
    next.focus();
    next.click();
  }
  async function look(older = false) {
    for (const tab of tabs) {
      mark(tab, "aria-selected", String(tab.dataset.tab === state.tab));
      mark(tab, "tabindex", tab.dataset.tab === state.tab ? 0 : -1);
    }
    mark(rows, "aria-labelledby", `tab-${state.tab}`);
    open.closest("label").hidden = state.tab !== "hourly";
    try {
      const query = { tab: state.tab, resource: state.resource, open: state.tab === "hourly" && state.open ? "true" : "", limit: 50 };
      const found = await app.api.get("/api/v1/instructions", { ...query, cursor: older ? state.next : "" });
      state.rows = older ? [...state.rows, ...found.items] : found.items;
      state.next = found.next;
      more.hidden = !found.next;
      problem.hidden = true;
      draw();
    } catch (error) {
      problem.hidden = false;
      say(problem, error.message);
    }
  }
  function draw() {
    const held = document.activeElement?.dataset?.key;
    rows.replaceChildren(state.tab === "hourly" ? hourly(state.rows, app, look) : realtime(state.rows));
    if (held) rows.querySelector(`[data-key="${CSS.escape(held)}"]`)?.focus();
  }
  await look();
  const timer = setInterval(() => state.rows.length <= 50 && look(), EVERY_MS);
  const counting = () => countdowns(rows, app);
  const onNews = () => look();
  app.feed.addEventListener("change", counting);
  app.feed.addEventListener("news", onNews);
  return () => {
    clearInterval(timer);
    app.feed.removeEventListener("change", counting);
    app.feed.removeEventListener("news", onNews);
  };
}

function realtime(items) {
  const rows = items.map((one) => h("tr", { "data-contingency": one.contingency ? "yes" : null },
    h("td", {}, both(one.target_time, SHORT)), h("td", {}, one.resource_id), number(one.dot_mw), number(one.dot_delta_mw), number(one.previous_dot_mw), number(one.supplemental_mw),
    h("td", {}, one.follow_dot_flag ? words(one.follow_dot_flag) : UNKNOWN), h("td", {}, flags(one)), h("td", {}, details(one.details)),
    h("td", {}, h("a", { href: `/api/v1/batches/${encodeURIComponent(one.batch_uid)}/xml`, download: "", title: one.batch_uid, "aria-label": `XML of ${one.batch_uid}` }, "XML"))));
  const right = (text) => ({ text, class: "number" });
  return table("Real-time instructions", ["Target time", "Resource", right("DOT MW"), right("Delta"), right("Previous"), right("SUPP"), "Follow DOT", "What", "Breakdown", "Batch"], rows);
}

const number = (value) => h("td", { class: "number" }, mw(value));
const details = (list) => (list ?? []).map((each) => `${each.service} ${mw(each.mw)}`).join(", ");

function flags(one) {
  const said = [one.type_label, one.contingency && "CONTINGENCY", one.exceptional && "exceptional", one.valid === false && "not valid any more"];
  return said.filter(Boolean).join(", ");
}

function hourly(items, app, look) {
  const rows = items.map((one) => h("tr", { "data-uid": one.instruction_uid, "data-open": one.open ? "yes" : null },
    h("td", { "data-closes": one.closes_at, class: "countdown" }, one.open ? span(one.seconds_left) : "closed"),
    h("td", {}, one.resource_id), h("td", {}, both(one.start_time, SHORT)), number(one.dot_mw), number(one.schedule_mw), number(one.min_accept_mw),
    h("td", { class: "wrap" }, standing(one)), h("td", {}, buttons(one, app, look))));
  const right = (text) => ({ text, class: "number" });
  return table("Hourly instructions", ["Time left", "Resource", "Hour from", right("DOT MW"), right("Schedule"), right("Min accept"), "Answer", ""], rows);
}

/** What the ISO has of it, and what of ours is on its way. */
function standing(one) {
  const ours = (one.answers ?? []).map((answer) => `${answer.kind} by ${answer.who}: ${answer.state}${answer.text ? ` (${answer.text})` : ""}`);
  const iso = one.iso.accept_status ? `ISO: ${words(one.iso.accept_status)}${one.iso.accept_dot_mw === null ? "" : ` ${mw(one.iso.accept_dot_mw)} MW`}` : "";
  return [iso, ...ours].filter(Boolean).join("; ") || UNKNOWN;
}

function buttons(one, app, look) {
  const kinds = app.api.may("operator") ? (one.may ?? []) : [];
  const open = kinds.map((kind) => h("button", { type: "button", class: kind === "decline" ? "danger" : kind === "accept" ? "primary" : null,
    "data-key": `${kind} ${one.instruction_uid}`, "aria-label": `${kind} ${one.instruction_uid} of ${one.resource_id}`, onclick: () => ask(one, kind, app, look) }, words(kind)));
  const proposals = app.api.may("operator") ? (one.answers ?? []).filter((answer) => answer.state === "proposed") : [];
  return h("span", { class: "buttons" }, open, proposals.map((answer) =>
    h("button", { type: "button", onclick: () => ask(one, "second", app, look, answer) }, `Second the ${answer.kind}`)));
}

/** Count down by the gateway's clock between two looks. */
function countdowns(rows, app) {
  const now = Date.parse(app.feed.snapshot.at);
  for (const cell of rows.querySelectorAll("[data-open] .countdown")) {
    const left = (Date.parse(cell.dataset.closes) - now) / 1000;
    say(cell, left > 0 ? span(left) : "closed");
    mark(cell, "data-soon", left > 0 && left < SOON_S ? "yes" : null);
    if (left <= 0) for (const button of cell.closest("tr").querySelectorAll("button")) button.disabled = true;
  }
}

