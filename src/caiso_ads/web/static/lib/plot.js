// Curves over time, drawn by uPlot, loaded only where there is one. Rule: a gap in the data is a gap in the line.

import { h } from "./dom.js";
import { number, pacificTime, utcTime } from "./format.js";

let loading = null;
const TOLERANCE_MS = 1000;

/** Load the library once; it is a classic script that leaves `uPlot` behind. */
export function library() {
  loading ??= new Promise((done, failed) => {
    document.head.append(h("link", { rel: "stylesheet", href: "/static/vendor/uPlot.css" }));
    document.head.append(h("script", { src: "/static/vendor/uPlot.js", onload: () => done(globalThis.uPlot), onerror: failed }));
  });
  return loading;
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/**
 * Let a step last until the next one, but not longer than `seconds`: where the next one is missing the line ends, and so
 * it does after the last. With `stepped` false the points are joined, except across such a gap.
 */
export function lasting(list, seconds, stepped = true) {
  const found = [];
  for (const [place, [time, value]] of (list ?? []).entries()) {
    const [start, next] = [Date.parse(time), Date.parse(list[place + 1]?.[0])];
    const end = start + seconds * 1000;
    found.push([start, value]);
    if (next <= end + TOLERANCE_MS) continue;
    if (stepped) found.push([end, value]);
    found.push([(stepped ? end : start) + 1, null]);
  }
  return found;
}

/** Put several [[ms, value]] lists onto one time axis (s); null is a gap, what a list does not have at a time is no gap. */
export function aligned(lists) {
  const times = [...new Set(lists.flat().map(([time]) => time / 1000))].sort((a, b) => a - b);
  const places = new Map(times.map((time, place) => [time, place]));
  const columns = lists.map((list) => {
    const column = new Array(times.length).fill(undefined);
    for (const [time, value] of list) column[places.get(time / 1000)] = value;
    return column;
  });
  return [times, ...columns];
}

/**
 * Draw into `box`; `series` are {label, colour, width?, dash?, stepped?, scale?, unit}. `options.moved(min, max, left,
 * width)` hears which seconds are shown and where (CSS pixels). `range(min, max)` shows those, unless somebody zoomed.
 */
export async function plot(box, series, data, options) {
  const UPlot = await library();
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line") } };
  let zoomed = false;
  const tell = (chart) => options.moved?.(chart.scales.x.min, chart.scales.x.max, chart.bbox.left / devicePixelRatio, chart.bbox.width / devicePixelRatio);
  const chart = new UPlot({
    width: box.clientWidth || 800,
    height: options.height ?? 360,
    scales: { x: { time: true, range: options.range }, price: {} },
    cursor: { drag: { x: true, y: false } },
    legend: { live: true },
    series: [
      { label: "Time", value: (_, at) => (at === null ? "–" : `${pacificTime(at * 1000)} (${utcTime(at * 1000)} UTC)`) },
      ...series.map((one) => ({
        label: one.label,
        scale: one.scale ?? "y",
        stroke: colour(one.colour),
        width: one.width ?? 2,
        dash: one.dash,
        spanGaps: false,
        points: { show: one.points ?? false },
        paths: one.stepped ? UPlot.paths.stepped({ align: 1 }) : undefined,
        value: (_, value) => (value === null || value === undefined ? "–" : `${number(value, 2)} ${one.unit}`),
      })),
    ],
    axes: [
      { ...axis, values: (_, splits) => splits.map((at) => pacificTime(at * 1000, { hour: "2-digit", minute: "2-digit" })) },
      { ...axis, label: "MW", labelSize: 18, stroke: colour("--soft") },
      ...(series.some((one) => one.scale === "price") ? [{ ...axis, scale: "price", side: 1, label: "USD/MWh", grid: { show: false } }] : []),
    ],
    plugins: options.plugins ?? [],
    hooks: { setSelect: [() => (zoomed = true)], draw: [tell] },
  }, data, box);
  const resize = new ResizeObserver(() => chart.setSize({ width: box.clientWidth, height: options.height ?? 360 }));
  resize.observe(box);
  let wanted = null;
  const whole = () => {
    zoomed = false;
    if (wanted) chart.setScale("x", wanted);
  };
  chart.over.addEventListener("dblclick", whole);
  return {
    chart,
    update: (newest) => {
      const { min, max } = chart.scales.x;
      chart.setData(newest);
      if (zoomed) chart.setScale("x", { min, max });
    },
    range: (min, max) => {
      wanted = { min, max };
      if (!zoomed) chart.setScale("x", wanted);
    },
    destroy: () => {
      resize.disconnect();
      chart.destroy();
    },
  };
}

/** A line at this moment of the gateway's clock. */
export function nowLine(now) {
  return {
    hooks: {
      draw: (chart) => {
        const at = chart.valToPos(now() / 1000, "x", true);
        const { left, width, top, height } = chart.bbox;
        if (!(at >= left && at <= left + width)) return;
        chart.ctx.save();
        chart.ctx.strokeStyle = colour("--bad");
        chart.ctx.setLineDash([6, 4]);
        chart.ctx.beginPath();
        chart.ctx.moveTo(at, top);
        chart.ctx.lineTo(at, top + height);
        chart.ctx.stroke();
        chart.ctx.restore();
      },
    },
  };
}
