// Is the gateway itself well: link, clock, store, certificate, sinks. Rule: what is not known is said to be not known.

import { h, mark, say, table } from "../lib/dom.js";
import { age, dated, number, span, UNKNOWN, words } from "../lib/format.js";

export const title = "System";
const EVERY_MS = 5000;
const WARN_DAYS = 30;

export async function mount(root, app) {
  const facts = h("dl", { class: "facts" });
  const sinks = h("div", {});
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  root.append(h("h1", {}, "System"), problem, facts, h("h2", {}, "Ways the plant reads"), sinks);
  const look = async () => {
    try {
      const health = await app.api.get("/api/v1/health");
      problem.hidden = true;
      facts.replaceChildren(...lines(health).flatMap(([name, text, state]) => [h("dt", {}, name), h("dd", { "data-state": state }, text)]));
      sinks.replaceChildren(sinkTable(health.sinks));
    } catch (error) {
      problem.hidden = false;
      say(problem, error.message);
      mark(facts, "data-old", "yes");
    }
  };
  await look();
  const timer = setInterval(look, EVERY_MS);
  return () => clearInterval(timer);
}

/** Name, text, and "good" or "bad" of each fact. */
function lines(health) {
  return [
    ["Version", `${health.version}, up ${span(health.uptime_s)}`],
    ["Environment", health.environment + (health.simulator ? " — an invented market, not CAISO" : ""), health.simulator ? "warn" : null],
    ["Link to ADS", link(health.link), health.link.quality === "GOOD" ? "good" : "bad"],
    ["Clock", clock(health.clock), health.clock.ok ? "good" : "bad"],
    ["Store", store(health.store), health.store.ok ? "good" : "bad"],
    ["Certificate", ...certificate(health.certificate)],
    ["Receipts to confirm", `${health.outbox}${health.acknowledge ? "" : " (acknowledging is off)"}`],
    ["Answers to the ISO", health.read_only ? "read-only: nothing is sent" : "possible", health.read_only ? "warn" : null],
  ];
}

const link = ({ age_s: seconds, quality }) => (seconds === null ? "never polled" : `polled ${age(seconds)} ago, ${words(quality)}`);
const clock = ({ ok, offset_s: offset }) =>
  `${ok ? "trusted" : "NOT trusted: targets are frozen"}; the ISO's clock minus ours ${offset === null ? UNKNOWN : `${number(offset, 1)} s`}`;
const megabytes = (bytes) => (bytes === null ? UNKNOWN : `${number(bytes / 1e6, 0)} MB`);
const store = ({ ok, bytes, free_bytes: free }) =>
  `${ok ? "takes writes" : "CANNOT WRITE: nothing new is shown or acknowledged"}; ${megabytes(bytes)}, ${megabytes(free)} free`;

function certificate(known) {
  if (!known) return ["not known", "warn"];
  const days = known.days_left;
  const state = days <= 0 ? "bad" : days <= WARN_DAYS ? "warn" : "good";
  return [`${number(days, 0)} days left, until ${dated(known.not_after)}; ${known.subject}`, state];
}

function sinkTable(sinks) {
  const rows = sinks.map((sink) => h("tr", { "data-health": sink.health },
    h("td", {}, sink.name), h("td", {}, sink.health), h("td", {}, sink.required ? "required" : ""),
    h("td", { class: "number" }, String(sink.restarts)), h("td", { class: "wrap" }, counters(sink.counters)), h("td", { class: "wrap" }, sink.last_error)));
  return table("Ways the plant reads", ["Sink", "Health", "", { text: "Restarts", class: "number" }, "Counts", "Last error"], rows);
}

const counters = (counts) => Object.entries(counts ?? {}).map(([name, count]) => `${name.replaceAll("_", " ")} ${count}`).join(", ");
