// The dialog in which a person answers an instruction. Rule: the full text of what will be sent is shown before it is
// sent, the button is pressed once, and the gateway's own sentence tells what became of it.

import { h, say } from "./dom.js";
import { both, mw, span, words } from "./format.js";

let reasons = null;

/** Open the dialog for `kind`: accept, partial, decline, or second (with the proposal `answer`). */
export async function ask(instruction, kind, app, done, answer = null) {
  if (kind === "partial" || kind === "decline") reasons ??= (await app.api.get("/api/v1/reasons")).items;
  const said = h("p", { class: "problem", role: "alert", hidden: true });
  const text = h("p", { class: "sends", "aria-live": "polite" });
  const send = h("button", { class: kind === "decline" ? "danger" : "primary" }, `Send: ${words(kind)}`);
  const dialog = h("dialog", { class: "answer", "aria-labelledby": "answer-title" });
  const form = h("form", { method: "dialog", onsubmit: (event) => submit(event), oninput: () => say(text, sentence()) },
    h("h2", { id: "answer-title" }, `${words(kind)} ${instruction.instruction_uid}`), facts(instruction, app), fields(kind, instruction), text, said,
    h("div", { class: "buttons" }, send, h("button", { type: "button", onclick: () => dialog.close() }, "Back")));
  dialog.append(form);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  say(text, sentence());
  dialog.showModal();

  function body() {
    const filled = new FormData(form);
    const made = answer ? {} : { revision: instruction.revision };
    if (filled.has("mw")) made.mw = Number(filled.get("mw"));
    if (filled.has("reason_code")) made.reason_code = Number(filled.get("reason_code"));
    return made;
  }
  function sentence() {
    const { mw: part, reason_code: code } = body();
    const reason = reasons?.find((one) => one.code === code);
    const of = `instruction ${instruction.instruction_uid} of ${instruction.resource_id}, revision ${instruction.revision}`;
    if (answer) return `You agree to the ${answer.kind} proposed by ${answer.who} for ${of}. It is sent to the ISO then.`;
    const what = { accept: `Accept all ${mw(instruction.dot_mw)} MW`, decline: "Decline", partial: `Accept ${mw(part)} of ${mw(instruction.dot_mw)} MW` }[kind];
    return `${what} of ${of}${reason ? `, reason ${reason.code} (${reason.label})` : ""}. This is sent to the ISO once and cannot be taken back.`;
  }
  async function submit(event) {
    event.preventDefault();
    send.disabled = true;
    said.hidden = true;
    try {
      const path = answer ? `/api/v1/answers/${answer.id}/second` : `/api/v1/instructions/${encodeURIComponent(instruction.instruction_uid)}/${kind}`;
      const result = await app.api.post(path, body());
      if (!result.done) throw new Error(result.text);
      app.announce(result.text);
      dialog.close();
    } catch (error) {
      said.hidden = false;
      say(said, error.message);
      send.disabled = error.status === 0; // it may have been sent: look first
    }
    done();
  }
}

function facts(one, app) {
  const left = (Date.parse(one.closes_at) - Date.parse(app.feed.snapshot?.at ?? new Date())) / 1000;
  const pairs = [
    ["Hour from", both(one.start_time)], ["DOT", `${mw(one.dot_mw)} MW`], ["Schedule", `${mw(one.schedule_mw)} MW`],
    ["Min accept", `${mw(one.min_accept_mw)} MW`], ["Window", one.closes_at ? `${span(left)} left, until ${both(one.closes_at)}` : "its end is not told"],
  ];
  return h("dl", {}, pairs.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

function fields(kind, one) {
  const made = [];
  if (kind === "partial") {
    const most = Math.abs(one.dot_mw ?? 0);
    made.push(h("label", {}, "MW accepted", h("input", { name: "mw", type: "number", step: "any", required: true, value: one.min_accept_mw ?? "", min: Math.min(0, one.dot_mw ?? 0), max: Math.max(0, one.dot_mw ?? most) })));
  }
  if (kind === "partial" || kind === "decline") {
    made.push(h("label", {}, "Reason", h("select", { name: "reason_code", required: true }, reasons.map((reason) => h("option", { value: reason.code }, `${reason.code} ${reason.label}`)))));
  }
  return made;
}
