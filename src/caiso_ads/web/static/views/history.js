// What was on a day: the ledger of intervals, the batches with the ISO's own XML, and the life of one instruction.
// Rule: everything here is read from what was stored; nothing is worked out anew.

import { h, say, table } from "../lib/dom.js";
import { both, pacificDay, words } from "../lib/format.js";

export const title = "History";
const SHORT = { hour: "2-digit", minute: "2-digit" };

export async function mount(root, app) {
  const { items: resources } = await app.api.get("/api/v1/resources", { limit: 500 });
  const asked = new URLSearchParams(location.search);
  const today = pacificDay(app.feed.snapshot?.at ?? new Date());
  const day = h("input", { type: "date", value: asked.get("day") ?? today, max: today, required: true, onchange: () => look() });
  const resource = h("select", { onchange: () => look() }, resources.map((one) => h("option", { value: one.id, selected: one.id === asked.get("resource") }, one.name)));
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const ledger = h("div", {});
  const batches = h("div", {});
  const more = h("button", { type: "button", hidden: true, onclick: () => look(true) }, "More");
  const life = h("div", {});
  root.append(h("h1", {}, "History"),
    h("div", { class: "tools" }, h("label", {}, "Day (Pacific)", day), h("label", {}, "Resource", resource)), problem,
    h("h2", {}, "5-minute intervals"), ledger, h("h2", {}, "Batches received on this day"), batches, more, h("h2", {}, "The life of one instruction"), finder(app, life), life);
  const state = { rows: [], next: null };

  async function look(older = false) {
    if (!day.value) return;
    history.replaceState(null, "", `/history?${new URLSearchParams({ day: day.value, resource: resource.value })}`);
    try {
      const query = { day: day.value, resource: resource.value, limit: 100, cursor: older ? state.next : "" };
      const [found, fates] = await Promise.all([app.api.get("/api/v1/batches", query), app.api.get("/api/v1/intervals", { day: day.value, resource: resource.value, limit: 500 })]);
      state.rows = older ? [...state.rows, ...found.items] : found.items;
      state.next = found.next;
      more.hidden = !found.next;
      batches.replaceChildren(batchTable(state.rows));
      ledger.replaceChildren(...ledgerOf(fates.items));
      problem.hidden = true;
    } catch (error) {
      problem.hidden = false;
      say(problem, error.message);
    }
  }
  await look();
}

function ledgerOf(items) {
  const counts = new Map();
  for (const one of items) counts.set(one.state, (counts.get(one.state) ?? 0) + 1);
  const line = h("p", {}, [...counts].map(([state, count]) => `${count} ${words(state)}`).join(", ") || "Nothing is known of this day.");
  const gaps = items.filter((one) => !["received", "late", "back_filled", "waiting"].includes(one.state));
  if (!gaps.length) return [line];
  const rows = gaps.map((one) => h("tr", {}, h("td", {}, both(one.start, SHORT)), h("td", {}, words(one.state)), h("td", { class: "wrap" }, one.cause ?? "")));
  return [line, table("Intervals without a target", ["Interval from", "What", "Cause"], rows)];
}

function batchTable(items) {
  const rows = items.map((one) => h("tr", {}, h("td", {}, both(one.received_at)), h("td", {}, one.type_label), h("td", {}, both(one.start_time, SHORT)),
    h("td", { class: "number" }, String(one.revision)), h("td", {}, words(one.status)), h("td", { class: "number" }, String(one.instructions)), h("td", { class: "wrap" }, one.problem ?? ""),
    h("td", {}, h("a", { href: `/api/v1/batches/${encodeURIComponent(one.batch_uid)}/xml`, download: "", title: one.batch_uid, "aria-label": `XML of ${one.batch_uid}` }, "XML"))));
  return table("Batches received on the day", ["Received", "Kind", "For", { text: "Revision", class: "number" }, "Status", { text: "Instructions", class: "number" }, "Problem", "XML"], rows);
}

function finder(app, life) {
  const uid = h("input", { name: "uid", required: true, placeholder: "instruction UID", spellcheck: "false" });
  return h("form", { class: "tools", onsubmit: async (event) => {
    event.preventDefault();
    try {
      const found = await app.api.get(`/api/v1/evidence/instruction/${encodeURIComponent(uid.value.trim())}`);
      life.replaceChildren(lifeTable(found.items));
    } catch (error) {
      life.replaceChildren(h("p", { class: "problem", role: "alert" }, error.message));
    }
  } }, h("label", {}, "Instruction", uid), h("button", {}, "Show its life"));
}

function lifeTable(items) {
  const rows = items.map((one) => h("tr", {}, h("td", {}, both(one.at)), h("td", {}, one.step), h("td", {}, one.who), h("td", { class: "wrap" }, one.text)));
  return table("Steps of the instruction", ["When", "Step", "Who", "What"], rows);
}

