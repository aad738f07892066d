// The view of what is going on: the source in words, warnings, and curves of the last hour.

import { baseLayout, colour, CONFIG, plotly } from "./charts.js";
import { fillAlerts } from "./alerts.js";
import { ask } from "./api.js";
import { byId, bytes, count, el, span, when } from "./dom.js";

const MAX_POINTS = 1800; // an hour, as the server keeps it
const DRAWN_POINTS = 300; // more than that no card has room for

const CURVES = [
  { name: "words_per_second", title: "Words per second", show: count, colour: "blue", zero: true },
  { name: "loss", title: "Loss", show: (v) => v.toFixed(3), colour: "purple", zero: false },
  { name: "vocabulary", title: "Vocabulary", show: count, colour: "green", zero: true },
  { name: "surprise", title: "Surprise of records (nats)", show: (v) => v.toFixed(2), colour: "red", zero: false },
  { name: "lag", title: "Messages waiting", show: count, colour: "orange", zero: true },
  { name: "snapshot_age", title: "Age of the snapshot", show: span, colour: "teal", zero: true },
];

let history = { time: [] };
let isShown = false;
let listed = ""; // the newest snapshot of those that are listed
const cards = new Map();

export function begin() {
  for (const curve of CURVES) {
    const value = el("p", { class: "value" }, "–");
    const range = el("p", { class: "range" });
    const plot = el("div", { class: "curve", role: "img", "aria-label": curve.title });
    const card = el("article", { class: "card", hidden: true }, el("h3", {}, curve.title));
    card.append(value, plot, range);
    cards.set(curve.name, { card, value, range, plot });
    byId("curves").append(card);
  }
}

export function show() {
  isShown = true;
  draw();
}

export function hide() {
  isShown = false;
}

export function restyle() {
  if (isShown) draw();
}

export function takeHistory(document) {
  history = document;
}

export function takeStatus(status) {
  byId("source").textContent = sentence(status);
  fillWarnings(status.warnings);
  fillFacts(status);
  fillAlerts(status.alerts);
  if (status.snapshot !== listed) listSnapshots(status.snapshot);
  if (history.time.at(-1) !== status.time) {
    history.time.push(status.time);
    for (const { name } of CURVES) (history[name] ??= []).push(status[name] ?? null);
    if (history.time.length > MAX_POINTS) Object.values(history).forEach((list) => list.shift());
  }
  if (isShown && !document.hidden) draw();
}

function sentence(status) {
  const parts = [status.source];
  return parts.join(" ").trim() || `Not learning yet: ${status.phase}.`;
}

function fillFacts(status) {
  const facts = [
    ["Running for", status.uptime === null ? null : span(status.uptime)],
    ["Memory", status.memory_bytes === null ? null : bytes(status.memory_bytes)],
    ["Next snapshot", status.next_snapshot === null ? null : `in ${span(status.next_snapshot)}`],
    ["Words learned", status.words === null ? null : count(status.words)],
  ];
  fill(byId("facts"), facts.filter(([, value]) => value !== null));
  const stores = status.stores.map((store) => [store.to, storeInWords(store)]);
  byId("stores").hidden = stores.length === 0;
  fill(byId("stores").querySelector("dl"), stores);
  const options = Object.entries(status.options);
  byId("run-options").hidden = options.length === 0;
  fill(byId("run-options").querySelector("dl"), options);
}

function storeInWords(store) {
  const parts = [`${count(store.words)} words`];
  parts.push(store.lag_seconds > 0 ? `${span(store.lag_seconds)} behind` : "in step");
  if (store.failures > 0) parts.push(`failures: ${count(store.failures)}`);
  return parts.join(", ") + (store.error ? `; failing: ${store.error}` : "");
}

function fill(list, facts) {
  const pairs = facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)));
  list.replaceChildren(...pairs);
}

async function listSnapshots(newest) {
  listed = newest;
  if (!newest) return;
  try {
    const { snapshots } = await ask("snapshots");
    const rows = snapshots.map((entry) =>
      el("li", {}, `${when(new Date(entry.created))}: ${count(entry.words)} words, `
        + `vocabulary ${count(entry.vocabulary)} (${entry.name})`),
    );
    byId("kept").querySelector("ul").replaceChildren(...rows);
  } catch {
    listed = ""; // asked for again with the next status
  }
}

function fillWarnings(warnings) {
  const list = byId("warnings");
  const text = JSON.stringify(warnings);
  if (list.dataset.text === text) return; // a screen reader need not hear it again
  list.dataset.text = text;
  list.replaceChildren(
    ...warnings.map((w) => el("li", {}, el("strong", {}, w.text), el("span", {}, w.advice))),
  );
}

async function draw() {
  for (const curve of CURVES) {
    const values = history[curve.name] ?? [];
    const known = values.filter((value) => value !== null);
    const { card, value, range } = cards.get(curve.name);
    card.hidden = known.length === 0;
    if (card.hidden) continue;
    const [low, high] = [Math.min(...known), Math.max(...known)];
    const last = values.at(-1);
    value.textContent = last === null ? "–" : curve.show(last);
    range.textContent = `between ${curve.show(low)} and ${curve.show(high)}`;
  }
  const charts = await plotly();
  for (const curve of CURVES) {
    if (!isShown || cards.get(curve.name).card.hidden) continue;
    drawCurve(charts, curve);
  }
}

function drawCurve(charts, curve) {
  const { plot, value, range } = cards.get(curve.name);
  const [times, values] = thinned(history.time, history[curve.name]);
  plot.setAttribute("aria-label", `${curve.title}: ${value.textContent}, ${range.textContent}`);
  const line = colour(curve.colour);
  const trace = {
    x: times.map((time) => new Date(1000 * time)),
    y: values,
    hoverinfo: "none", // ours: plotly's own would need inline styles
    mode: "lines",
    line: { color: line, width: 2 },
    fill: curve.zero ? "tozeroy" : "none",
    fillcolor: line.replace("rgb(", "rgba(").replace(")", ", 0.12)"),
  };
  const grid = { gridcolor: colour("line"), zeroline: false, fixedrange: true };
  charts.react(
    plot,
    [trace],
    {
      ...baseLayout(),
      margin: { l: 44, r: 8, t: 6, b: 22 },
      height: 130,
      hovermode: "x",
      dragmode: false,
      xaxis: { ...grid, showgrid: false, nticks: 4, tickformat: clock(times), type: "date" },
      yaxis: {
        ...grid,
        nticks: 3,
        tickformat: Math.max(0, ...values) < 1 ? "" : "~s",
        ticksuffix: curve.show === span ? " s" : "",
        rangemode: curve.zero ? "tozero" : "normal",
      },
    },
    CONFIG,
  );
  if (plot.dataset.hears) return;
  plot.dataset.hears = true;
  plot.on("plotly_hover", ({ points: [point] }) => {
    const time = new Date(point.x).toLocaleTimeString("en-GB");
    if (point.y !== null) range.textContent = `${curve.show(point.y)} at ${time}`;
  });
  plot.on("plotly_unhover", draw);
}

const clock = (times) => (times.at(-1) - times[0] < 300 ? "%H:%M:%S" : "%H:%M");

// Means of neighbouring points, so few that they can be drawn every two seconds for nothing.
function thinned(times, values) {
  const step = Math.ceil(times.length / DRAWN_POINTS);
  if (step <= 1) return [times, values];
  const fewTimes = [];
  const few = [];
  for (let i = 0; i < times.length; i += step) {
    const known = values.slice(i, i + step).filter((value) => value !== null);
    fewTimes.push(times[i]);
    few.push(known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : null);
  }
  return [fewTimes, few];
}
