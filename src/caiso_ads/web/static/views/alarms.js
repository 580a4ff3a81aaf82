// What is wrong, what it may lead to and what to do, worst first; and what was. Rule (ISA-18.2): an alarm stays until
// somebody has acknowledged it, also when its cause is gone; shelving always has an end.

import { h, mark, say, table } from "../lib/dom.js";
import { both, words } from "../lib/format.js";
import { soundControls } from "../lib/sound.js";

export const title = "Alarms";
const EVERY_MS = 4000;
const ORDER = ["active_unack", "returned_unack", "active_ack", "shelved", "suppressed"];
const STATES = { active_unack: "active, not acknowledged", returned_unack: "over, not acknowledged", active_ack: "active, acknowledged", shelved: "shelved", suppressed: "follows from another" };
const RANK = { critical: 0, high: 1, medium: 2, low: 3 };

export async function mount(root, app) {
  const list = h("div", { class: "alarms" });
  const journal = h("div", {});
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const operator = app.api.may("operator");
  const act = async (path, body) => {
    try {
      const result = await app.api.post(path, body);
      if (result && result.done === false) throw new Error(result.text);
      app.announce(result?.text ?? "done");
      problem.hidden = true;
    } catch (error) {
      problem.hidden = false;
      say(problem, error.message);
    }
    await look();
  };
  root.append(h("h1", {}, "Alarms"),
    h("div", { class: "tools" },
      operator && h("button", { type: "button", onclick: () => act("/api/v1/alarms/acknowledge-all") }, "Acknowledge all"),
      operator && h("button", { type: "button", onclick: () => act("/api/v1/alarms/test") }, "Test alarm"), soundControls(app)),
    problem, list, h("h2", {}, "Journal"), journal);
  async function look() {
    try {
      const [now, past] = await Promise.all([app.api.get("/api/v1/alarms", { limit: 500 }), app.api.get("/api/v1/alarms/journal", { limit: 50 })]);
      const held = document.activeElement?.dataset?.key;
      list.replaceChildren(...(now.items.length ? sorted(now.items).map((one) => card(one, operator && act)) : [h("p", { class: "calm" }, "No alarm stands.")]));
      journal.replaceChildren(journalTable(past.items));
      if (held) list.querySelector(`[data-key="${CSS.escape(held)}"]`)?.focus();
    } catch (error) {
      problem.hidden = false;
      say(problem, error.message);
    }
  }
  await look();
  const timer = setInterval(look, EVERY_MS);
  app.feed.addEventListener("alarms", look);
  return () => {
    clearInterval(timer);
    app.feed.removeEventListener("alarms", look);
  };
}

const sorted = (items) => [...items].sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || RANK[a.priority] - RANK[b.priority] || b.raised_at.localeCompare(a.raised_at));

function card(one, act) {
  const path = `/api/v1/alarms/${encodeURIComponent(one.id)}`;
  const buttons = act ? controls(one, path, act) : [];
  const element = h("article", { class: "alarm", "data-state": one.state, "data-priority": one.priority, "aria-label": one.text },
    h("header", {}, h("span", { class: "tag" }, words(one.priority)), h("h2", {}, one.resource_id ? `${one.resource_id}: ${one.text}` : one.text)),
    h("p", { class: "small" }, `${STATES[one.state] ?? one.state}, since ${both(one.raised_at)}${one.by ? `, by ${one.by}` : ""}${one.shelved_until ? `, until ${both(one.shelved_until)}` : ""}`),
    h("dl", {}, pairs(one).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    h("div", { class: "buttons" }, buttons));
  mark(element, "role", one.state === "active_unack" ? "group" : null);
  return element;
}

const pairs = (one) => [["Cause", one.cause], ["Leads to", one.consequence], ["Do", one.action], ...(one.children?.length ? [["With it", `${one.children.length} that follow from it`]] : [])];

function controls(one, path, act) {
  const open = one.state.endsWith("unack");
  if (one.state === "shelved") return [h("button", { type: "button", "data-key": `unshelve ${one.id}`, onclick: () => act(`${path}/unshelve`) }, "Unshelve")];
  return [
    open && h("button", { type: "button", class: "primary", "data-key": `ack ${one.id}`, onclick: () => act(`${path}/acknowledge`) }, "Acknowledge"),
    h("button", { type: "button", "data-key": `shelve ${one.id}`, onclick: () => shelve(one, path, act) }, "Shelve …"),
  ].filter(Boolean);
}

function shelve(one, path, act) {
  const dialog = h("dialog", { "aria-labelledby": "shelve-title" });
  const form = h("form", { method: "dialog", class: "shelve", onsubmit: () => {
    const filled = new FormData(form);
    act(`${path}/shelve`, { minutes: Number(filled.get("minutes")), reason: filled.get("reason") });
  } },
    h("h2", { id: "shelve-title" }, `Shelve: ${one.text}`),
    h("label", {}, "For", h("select", { name: "minutes" }, [[15, "15 minutes"], [60, "1 hour"], [240, "4 hours"], [480, "8 hours"]].map(([minutes, text]) => h("option", { value: minutes }, text)))),
    h("label", {}, "Reason", h("input", { name: "reason", required: true, maxlength: 200 })),
    h("div", { class: "buttons" }, h("button", { class: "primary" }, "Shelve"), h("button", { type: "button", onclick: () => dialog.close() }, "Back")));
  dialog.append(form);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function journalTable(items) {
  const rows = items.map((one) => h("tr", {}, h("td", {}, both(one.at)), h("td", {}, one.what), h("td", {}, words(one.priority)), h("td", {}, one.resource_id ?? ""), h("td", { class: "wrap" }, one.text), h("td", {}, one.who)));
  return table("Journal of alarms", ["When", "What", "Priority", "Resource", "Text", "Who"], rows);
}
