// What stands above every view: product, environment, whether the feed lives, both clocks, alarms, who we are.
// Rule: it is true by itself: when the feed stops it says so, whatever the view shows.

import { h, mark, say } from "./dom.js";
import { pacificDay, pacificTime, pacificZone, span, utcTime } from "./format.js";
import { nextTheme, theme } from "./theme.js";

const LINKS = [
  ["/", "now", "Now"],
  ["/timeline", "timeline", "Timeline"],
  ["/instructions", "instructions", "Instructions"],
  ["/alarms", "alarms", "Alarms"],
  ["/history", "history", "History"],
  ["/system", "system", "System"],
];
const STATES = { starting: "connecting", live: "live", stale: "NOT LIVE", lost: "NO CONNECTION" };

export function header(root, banner, app) {
  const links = LINKS.map(([path, name, text]) => h("a", { href: path, "data-view": name }, text));
  const count = h("span", { class: "count", hidden: true });
  links.find((link) => link.dataset.view === "alarms").append(" ", count);
  const feed = h("span", { class: "feed", role: "status" });
  const pacific = h("time", { class: "pacific" });
  const utc = h("time", { class: "utc" });
  const mark_ = h("div", { class: "watermark", hidden: true });
  root.replaceChildren(
    mark_,
    h("div", { class: "bar" },
      h("a", { class: "brand", href: "/" }, h("img", { src: "/static/icon.svg", alt: "", width: 28, height: 28 }), "caiso-ads"),
      h("nav", { "aria-label": "Views" }, links),
      h("div", { class: "clocks", title: "The gateway's own clock" }, pacific, utc),
      feed,
      themeButton(),
      account(app)));
  watchView(links);
  app.feed.addEventListener("alarms", (event) => alarms(count, event.detail));
  for (const kind of ["snapshot", "change"]) {
    app.feed.addEventListener(kind, () => {
      clocks(app, pacific, utc);
      watermark(mark_, app);
    });
  }
  setInterval(() => live(app, feed, banner), 500);
  app.feed.addEventListener("state", () => live(app, feed, banner));
  live(app, feed, banner);
}

function themeButton() {
  const button = h("button", { type: "button", class: "quiet", onclick: () => say(button, `Theme: ${nextTheme()}`) });
  say(button, `Theme: ${theme()}`);
  return button;
}

function account(app) {
  const me = app.api.me;
  if (!me || me.anonymous) return me?.roles.length ? h("a", { href: "/login" }, "Sign in") : h("span", {});
  const leave = h("button", { type: "button", class: "quiet", onclick: async () => {
    await app.api.post("/api/v1/logout");
    location.assign("/login");
  } }, "Sign out");
  return h("span", { class: "account" }, h("span", { title: me.roles.join(", ") }, me.name), " ", leave);
}

function watchView(links) {
  document.addEventListener("viewchange", (event) => {
    for (const link of links) mark(link, "aria-current", link.dataset.view === event.detail ? "page" : null);
  });
}

function clocks(app, pacific, utc) {
  const now = app.feed.snapshot.at;
  say(pacific, `${pacificDay(now)} ${pacificTime(now)} ${pacificZone(now)}`);
  say(utc, `${utcTime(now)} UTC`);
}

function watermark(element, app) {
  const text = app.feed.snapshot.watermark;
  element.hidden = !text;
  say(element, text || "");
  mark(document.documentElement, "data-environment", app.feed.snapshot.environment);
  mark(document.documentElement, "data-watermark", text ? "yes" : null);
}

function alarms(element, told) {
  element.hidden = !told.active;
  mark(element, "data-priority", told.highest);
  mark(element, "data-unacknowledged", told.unacknowledged ? "yes" : null);
  say(element, String(told.active));
  mark(element, "title", `${told.active} active, ${told.unacknowledged} not acknowledged`);
}

function live(app, element, banner) {
  const { state } = app.feed;
  mark(element, "data-state", state);
  say(element, STATES[state]);
  const bad = state === "stale" || state === "lost";
  banner.hidden = !bad;
  if (!bad) return;
  const why = state === "lost" ? "The gateway cannot be reached" : "The gateway sends nothing new";
  say(banner, `${why} for ${span(app.feed.silence)}. All values below are old: do not act on them.`);
}
