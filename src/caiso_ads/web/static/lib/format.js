// Numbers and times as people read them. Rule: what is not known is a dash, never a zero.

export const UNKNOWN = "–";
const PACIFIC = "America/Los_Angeles";
const clocks = new Map();

function clock(zone, options) {
  const key = zone + JSON.stringify(options);
  if (!clocks.has(key)) clocks.set(key, new Intl.DateTimeFormat("en-CA", { timeZone: zone, hourCycle: "h23", ...options }));
  return clocks.get(key);
}

const TIME = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
const DAY = { year: "numeric", month: "2-digit", day: "2-digit" };

/** A number with so many decimals and a real minus sign. */
export function number(value, decimals = 1) {
  if (typeof value !== "number" || !Number.isFinite(value)) return UNKNOWN;
  const text = value.toFixed(decimals);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
}

export const mw = (value) => number(value, 2);
export const usd = (value) => number(value, 2);

/** Seconds as 4:05, 2 h 10 min or 3 d 4 h. */
export function span(seconds) {
  if (typeof seconds !== "number" || !Number.isFinite(seconds)) return UNKNOWN;
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 3600) return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

/** Seconds since something: "12 s", "4:05 min", ... */
export function age(seconds) {
  if (typeof seconds !== "number" || !Number.isFinite(seconds)) return UNKNOWN;
  return seconds < 60 ? `${Math.floor(seconds)} s` : seconds < 3600 ? `${span(seconds)} min` : span(seconds);
}

function at(moment) {
  const date = moment instanceof Date ? moment : new Date(moment ?? Number.NaN);
  return Number.isNaN(date.getTime()) ? null : date;
}

export const pacificTime = (moment, options = TIME) => (at(moment) ? clock(PACIFIC, options).format(at(moment)) : UNKNOWN);
export const utcTime = (moment, options = TIME) => (at(moment) ? clock("UTC", options).format(at(moment)) : UNKNOWN);
export const pacificDay = (moment) => pacificTime(moment, DAY);
export const utcDay = (moment) => utcTime(moment, DAY);

/** PDT or PST at that instant. */
export function pacificZone(moment) {
  const date = at(moment);
  if (!date) return "";
  const parts = new Intl.DateTimeFormat("en-US", { timeZone: PACIFIC, timeZoneName: "short" }).formatToParts(date);
  return parts.find((part) => part.type === "timeZoneName")?.value ?? "";
}

/** Day and both clocks: 2026-10-25 16:05:00 PDT (23:05:00 UTC). */
export const dated = (moment, options = TIME) => (at(moment) ? `${pacificDay(moment)} ${both(moment, options)}` : UNKNOWN);

/** Both clocks in one text: 16:05:00 PDT (23:05:00 UTC). */
export function both(moment, options = TIME) {
  return at(moment) ? `${pacificTime(moment, options)} ${pacificZone(moment)} (${utcTime(moment, options)} UTC)` : UNKNOWN;
}

/** BAD_COMM as "bad comm". */
export const words = (code) => (code ? code.toLowerCase().replaceAll("_", " ") : UNKNOWN);
