// Sound and desktop notification for what is new. Rule: off until somebody on this device asks for it; where the browser
// keeps a page silent until it is touched, the page says so: a silent alarm that looks switched on is worse than none.

import { h, mark, say } from "./dom.js";
import { noticePlace, showNotice } from "./notices.js";

const SOUND = "caiso-ads sound";
const NOTE = "caiso-ads notifications";
const TONES = { contingency: [880, 660, 880, 660], exceptional: [784, 784], instruction: [660, 880], alarm: [880, 880, 880], revision: [660] };

const on = (key) => localStorage.getItem(key) === "on";

/** Two switches, for the view of alarms. */
export function soundControls(app) {
  const sound = toggle("Sound", SOUND, async () => (play(app, "instruction"), true));
  const note = toggle("Desktop notification", NOTE, async () => globalThis.Notification && (await Notification.requestPermission()) === "granted");
  return h("span", { class: "buttons" }, sound, note);
}

function toggle(text, key, allowed) {
  const button = h("button", { type: "button", "aria-pressed": String(on(key)), onclick: async () => {
    const wanted = !on(key) && (await allowed());
    localStorage.setItem(key, wanted ? "on" : "off");
    button.setAttribute("aria-pressed", String(on(key)));
    say(button, `${text}: ${on(key) ? "on" : "off"}`);
  } });
  say(button, `${text}: ${on(key) ? "on" : "off"}`);
  return button;
}

let audio = null;

/** The browser's sound, and whether it may be heard yet. */
function speaker(app) {
  if (!audio) {
    audio = new AudioContext();
    audio.addEventListener("statechange", () => silence(app));
  }
  return audio;
}

function silence(app) {
  const silent = on(SOUND) && audio?.state === "suspended";
  app.silent.hidden = !silent;
}

function play(app, kind) {
  speaker(app).resume();
  const tones = TONES[kind] ?? TONES.instruction;
  tones.forEach((pitch, place) => {
    const [tone, loud] = [audio.createOscillator(), audio.createGain()];
    const start = audio.currentTime + place * 0.22;
    tone.frequency.value = pitch;
    loud.gain.setValueAtTime(0.0001, start);
    loud.gain.exponentialRampToValueAtTime(0.25, start + 0.02);
    loud.gain.exponentialRampToValueAtTime(0.0001, start + 0.2);
    tone.connect(loud).connect(audio.destination);
    tone.start(start);
    tone.stop(start + 0.21);
  });
  if (audio.state !== "running") return; // nobody heard it
  app.played = (app.played ?? 0) + 1;
  mark(document.documentElement, "data-played", app.played);
}

/** Make what is new heard and seen, from any view. */
export function soundNews(app) {
  app.silent = h("button", { type: "button", class: "silent", hidden: true, onclick: () => play(app, "instruction") }, "Sound is kept silent by the browser: press here");
  document.getElementById("feed-banner").after(app.silent);
  noticePlace(app.silent);
  if (on(SOUND)) speaker(app).resume();
  silence({ silent: app.silent });
  for (const touch of ["pointerdown", "keydown"]) addEventListener(touch, () => on(SOUND) && speaker(app).resume());
  let unacknowledged = 0;
  app.feed.addEventListener("news", ({ detail }) => notice(app, detail.kind, `${detail.resource_id ?? ""} ${detail.text}`.trim()));
  app.feed.addEventListener("alarms", ({ detail }) => {
    if (detail.unacknowledged > unacknowledged) notice(app, "alarm", `${detail.unacknowledged} alarms not acknowledged`);
    unacknowledged = detail.unacknowledged;
  });
}

function notice(app, kind, text) {
  app.announce(text);
  if (kind !== "alarm") showNotice(kind, text, app.feed.snapshot?.at); // alarms have a count in the header
  if (on(SOUND)) play(app, kind);
  if (on(NOTE) && globalThis.Notification?.permission === "granted") {
    new Notification("caiso-ads", { body: text, tag: kind, icon: "/static/icon.svg" });
  }
}
