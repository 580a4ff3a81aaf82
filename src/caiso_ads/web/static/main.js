// The page: one header, one view at a time. Rule: the address says which view; each view says how it is left.

import { Api } from "./lib/api.js";
import { h, say } from "./lib/dom.js";
import * as format from "./lib/format.js";
import { Feed } from "./lib/feed.js";
import { header } from "./lib/header.js";
import { soundNews } from "./lib/sound.js";
import { applyTheme } from "./lib/theme.js";

const VIEWS = {
  "/": "now",
  "/timeline": "timeline",
  "/instructions": "instructions",
  "/alarms": "alarms",
  "/history": "history",
  "/system": "system",
  "/login": "login",
};

const app = { api: new Api(), feed: new Feed(), format, navigate, announce };
let leave = null;
let turn = 0;

function announce(text) {
  say(document.getElementById("announce"), text);
}

function navigate(path) {
  history.pushState(null, "", path);
  return show();
}

/** Load a view and its style sheet, only when it is wanted, and put it in place of the last one. */
async function show() {
  const mine = ++turn;
  const name = VIEWS[location.pathname] ?? "now";
  leave?.();
  leave = null;
  const main = document.getElementById("main");
  try {
    const [view] = await Promise.all([import(`./views/${name}.js`), style(name)]);
    if (mine !== turn) return;
    main.replaceChildren();
    main.className = `view-${name}`;
    document.title = `${view.title} · caiso-ads`;
    document.dispatchEvent(new CustomEvent("viewchange", { detail: name }));
    const left = await view.mount(main, app);
    if (mine === turn) leave = left;
    else left?.();
  } catch (problem) {
    if (mine !== turn) return;
    main.replaceChildren(h("p", { class: "problem", role: "alert" }, `This view cannot be shown: ${problem.message}`));
    if (!problem.status) throw problem;
  }
}

function style(name) {
  const address = `/static/css/${name}.css`;
  if (document.querySelector(`link[href="${address}"]`)) return Promise.resolve();
  return new Promise((done) => {
    document.head.append(h("link", { rel: "stylesheet", href: address, onload: done, onerror: done }));
  });
}

function followLinks(event) {
  const link = event.target.closest?.("a[href^='/']");
  if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || link.hasAttribute("download")) return;
  const target = new URL(link.href);
  if (!(target.pathname in VIEWS) || link.target) return;
  event.preventDefault();
  navigate(target.pathname + target.search);
  document.getElementById("main").focus({ preventScroll: true });
}

/** A feed that was lost may mean that this session has ended: then the page says so, by asking to sign in again. */
async function signInAgain(event) {
  if (event.detail !== "lost" || location.pathname === "/login") return;
  const me = await app.api.whoAmI().catch(() => null); // null: the gateway cannot be reached, as the banner says
  if (me && !me.roles.length) location.assign(`/login?next=${encodeURIComponent(location.pathname)}`);
}

async function start() {
  applyTheme();
  try {
    await app.api.whoAmI();
  } catch (problem) {
    announce(problem.message);
  }
  header(document.getElementById("header"), document.getElementById("feed-banner"), app);
  soundNews(app);
  document.addEventListener("click", followLinks);
  addEventListener("popstate", show);
  app.feed.addEventListener("state", signInAgain);
  if (app.api.me && !app.api.me.roles.length) {
    if (location.pathname !== "/login") history.replaceState(null, "", `/login?next=${encodeURIComponent(location.pathname)}`);
  } else app.feed.start();
  await show();
}

start();
