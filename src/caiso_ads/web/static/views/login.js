// Sign in, or make the first user with the one-time token. Rule: it never says which of name and password was wrong.

import { h, say } from "../lib/dom.js";

export const title = "Sign in";
const ADVISED = 15;

export async function mount(root, app) {
  const setup = app.api.me?.setup_needed;
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const fields = [
    setup && field("token", "One-time set-up token (the gateway's log says in which file it is)", "text", "one-time-code"),
    field("name", "User name", "text", "username"),
    field("password", setup ? `Password (a long phrase, ${ADVISED} characters or more advised)` : "Password", "password", setup ? "new-password" : "current-password"),
  ].filter(Boolean);
  const form = h("form", { class: "login", onsubmit: (event) => send(event, app, setup, problem) },
    h("h1", {}, setup ? "Make the first user" : "Sign in"), problem, fields,
    h("button", { class: "primary" }, setup ? "Make this user an administrator" : "Sign in"));
  root.append(form);
  form.querySelector("input").focus();
}

function field(name, text, type, autocomplete) {
  return h("label", {}, text, h("input", { name, type, autocomplete, required: true, spellcheck: "false", autocapitalize: "none" }));
}

async function send(event, app, setup, problem) {
  event.preventDefault();
  const form = event.target;
  const button = form.querySelector("button");
  button.disabled = true;
  problem.hidden = true;
  try {
    await app.api.post(setup ? "/api/v1/setup" : "/api/v1/login", Object.fromEntries(new FormData(form)));
    location.assign(next());
  } catch (error) {
    problem.hidden = false;
    say(problem, error.message);
    button.disabled = false;
    form.querySelector("[name=password]").value = "";
  }
}

/** Where to go on: one of our own views only. */
function next() {
  const wanted = new URLSearchParams(location.search).get("next") ?? "/";
  return /^\/[a-z]*$/.test(wanted) && wanted !== "/login" ? wanted : "/";
}
