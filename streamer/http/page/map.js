// The view of the map: where words lie, which are new or have moved, and finding one.

import { ask } from "./api.js";
import { baseLayout, colour, CONFIG, plain, plotly } from "./charts.js";
import { address, bare, byId, compact, count, el, span, times, wordLink } from "./dom.js";
import { labelled } from "./labels.js";

const MOVERS = 25; // words marked as having moved
const LEAST_RELATIVE = 1.5; // times as far as words as frequent: less is no news
const ZOOM = 1.5;
const PAN = 0.15; // of what is seen
const CLUSTER_SIZE = 14; // pixels
const FOUND_SHARE = 0.25; // of the map that is shown around a word that was found

let map = null; // columns, as the server sends them
let snapshot = "";
let isDrawn = false;

export function begin() {
  byId("find").addEventListener("submit", (event) => {
    event.preventDefault();
    find({ isWhole: true });
  });
  byId("find-word").addEventListener("input", () => find());
  byId("colour").addEventListener("change", draw);
  byId("zoom-in").addEventListener("click", () => zoom(1 / ZOOM));
  byId("zoom-out").addEventListener("click", () => zoom(ZOOM));
  byId("zoom-all").addEventListener("click", showAll);
  byId("map-plot").addEventListener("keydown", steer);
  byId("map-plot").addEventListener("wheel", wheel, { passive: false });
}

export async function show(parameters) {
  if (map === null) await renew();
  else await draw();
  const word = parameters.get("word");
  if (word === null || map === null) return;
  byId("find-word").value = word;
  await find({ isWhole: true });
}

export function hide() {}

export function restyle() {
  if (map !== null && !byId("map-view").hidden) draw();
}

// The map of the newest snapshot; what is zoomed into stays.
export async function renew() {
  const state = byId("map-state");
  if (map === null) {
    state.textContent = "The map is being drawn, which takes some seconds …";
  }
  try {
    ({ map, snapshot } = await ask("map"));
  } catch (error) {
    state.textContent = `${error.message}.`;
    return;
  }
  await draw();
  const number = Number.parseInt(snapshot, 10);
  state.textContent = `${count(map.words.length)} words of snapshot ${number}. Zoom in for more names.`;
  listClusters();
  list("movers", movers(), "Nothing has moved out of the ordinary.");
  list("newcomers", newcomers(), "None of the words on the map is new.");
}

// The parts of the map by name: to go there, and for who cannot see it.
function listClusters() {
  const items = map.clusters.map((cluster) => {
    const button = el("button", { type: "button", class: "quiet" }, bare(cluster.name));
    button.addEventListener("click", () => look(cluster.x, cluster.y, closer()));
    return el("li", {}, button);
  });
  byId("clusters").replaceChildren(...items);
  byId("clusters-part").hidden = items.length === 0;
}

function list(id, places, none) {
  const items = places.map((i) => el("li", {}, wordLink(map.words[i])));
  byId(id).replaceChildren(...(items.length ? items : [el("li", { class: "note" }, none)]));
}

const places = () => map.words.map((_, i) => i);

const newcomers = () => places().filter((i) => map.is_new[i]);

function movers() {
  return places()
    .filter((i) => map.relative[i] >= LEAST_RELATIVE)
    .sort((i, j) => map.relative[j] - map.relative[i])
    .slice(0, MOVERS);
}

function found() {
  const asked = byId("find-word").value.trim();
  const folded = asked.toLowerCase();
  return asked ? places().filter((i) => map.words[i].toLowerCase().startsWith(folded)) : [];
}

// Each word's place on the scale of colours, and what its ends are called.
function shades() {
  const kind = byId("colour").value;
  if (kind === "age") {
    const most = Math.max(...map.ages, 1);
    return [ranked(map.ages), "new", `${span(most)} or more`];
  }
  if (kind === "drift") {
    return [ranked(map.relative.map((relative) => relative ?? 0)), "stayed", "moved most"];
  }
  // By rank: counts themselves fall so fast that all but a few would have one colour.
  const last = map.words.length - 1;
  const shade = map.words.map((_, i) => 1 - i / last);
  return [shade, `occurs ${compact(map.counts[last])} times`, compact(map.counts[0])];
}

// Each value's share of the values below it: equal ones have one colour, and all colours are used.
function ranked(values) {
  const steps = [...new Set(values)].sort((a, b) => a - b);
  const step = new Map(steps.map((value, i) => [value, i / Math.max(1, steps.length - 1)]));
  return values.map((value) => step.get(value));
}

// The ramp of the style sheet, as plotly takes it.
function scale() {
  return ["low", "middle", "high"].map((name, i) => [i / 2, colour(`ramp-${name}`)]);
}

function points(chosen, marker, extra = {}) {
  return {
    x: chosen.map((i) => map.x[i]),
    y: chosen.map((i) => map.y[i]),
    mode: "markers",
    hoverinfo: "skip",
    marker,
    ...extra,
  };
}

async function draw() {
  const charts = await plotly();
  if (map === null || byId("map-view").hidden) return;
  const [shade, low, high] = shades();
  byId("scale-low").textContent = low;
  byId("scale-high").textContent = high;
  const all = points(
    places(),
    { size: 6, color: shade, cmin: 0, cmax: 1, colorscale: scale(), opacity: 0.8 },
    { hoverinfo: "none" }, // ours: plotly's own would need inline styles
  );
  const ring = (name, symbol) => ({ size: 13, symbol, line: { width: 2 }, color: colour(name) });
  const plot = byId("map-plot");
  const axis = { visible: false };
  await charts.react(
    plot,
    [
      all,
      points(movers(), ring("orange", "circle-open")),
      points(newcomers(), ring("blue", "diamond-open")),
      points(found(), { ...ring("red", "square-open"), size: 17 }),
      { ...points([], {}), mode: "text", textposition: "top center" },
      { ...points([], {}), mode: "text" },
    ],
    {
      ...baseLayout(),
      margin: { l: 0, r: 0, t: 0, b: 0 },
      dragmode: matchMedia("(pointer: coarse)").matches ? false : "pan",
      hovermode: "closest",
      uirevision: "the same",
      xaxis: { ...axis }, // plotly keeps the range in it: not one for both
      yaxis: { ...axis }, // axes of such a map mean nothing alone: it may fill the panel
    },
    { ...CONFIG, scrollZoom: false },
  );
  if (!isDrawn) {
    isDrawn = true;
    plot.on("plotly_relayout", label);
    plot.on("plotly_hover", ({ points: [point] }) => {
      if (point.curveNumber === 0) byId("map-word").textContent = hover(point.pointIndex);
    });
    plot.on("plotly_unhover", () => (byId("map-word").textContent = ""));
    plot.on("plotly_click", ({ points: [point] }) => {
      if (point.curveNumber === 0) choose(point.pointIndex);
    });
  }
  await label();
}

function choose(place) {
  location.hash = address("ask", { word: map.words[place] });
}

function hover(i) {
  const parts = [`${map.words[i]}: occurs ${times(map.counts[i])}`];
  if (map.is_new[i]) parts.push("new since the snapshot before");
  else if (map.relative[i] !== null) parts.push(`moved ${map.relative[i].toFixed(1)} × as usual`);
  return parts.join(", ");
}

// Names beside as many of the points in sight as have room, those that stand out first.
async function label() {
  const charts = await plotly();
  const { xaxis, yaxis } = byId("map-plot")._fullLayout;
  const boxes = [];
  const wanted = labelled(map, found().slice(0, 50), xaxis, yaxis, boxes);
  const clusters = namedClusters(xaxis, yaxis, boxes);
  const first = [...movers(), ...newcomers().slice(0, 50)];
  const others = [...first, ...places()].filter((i) => !wanted.includes(i));
  const chosen = [...wanted, ...labelled(map, others, xaxis, yaxis, boxes)];
  await charts.restyle(
    "map-plot",
    {
      x: [chosen.map((i) => map.x[i])],
      y: [chosen.map((i) => map.y[i])],
      text: [chosen.map((i) => plain(map.words[i]))],
      textfont: { color: colour("ink"), size: 12 },
    },
    [4],
  );
  await charts.restyle(
    "map-plot",
    {
      x: [clusters.map((cluster) => cluster.x)],
      y: [clusters.map((cluster) => cluster.y)],
      text: [clusters.map((cluster) => plain(cluster.name))],
      textfont: { color: colour("purple"), size: CLUSTER_SIZE, weight: 700 },
    },
    [5],
  );
}

// Names of parts of the map that have room, the largest parts first.
function namedClusters(xaxis, yaxis, boxes) {
  const asPoints = {
    words: map.clusters.map((cluster) => cluster.name),
    x: map.clusters.map((cluster) => cluster.x),
    y: map.clusters.map((cluster) => cluster.y),
  };
  const all = asPoints.words.map((_, i) => i);
  const chosen = labelled(asPoints, all, xaxis, yaxis, boxes, CLUSTER_SIZE);
  return chosen.map((i) => map.clusters[i]);
}

// Marks the words that begin so; for a whole word, goes there and zooms in.
async function find({ isWhole = false } = {}) {
  if (!isDrawn) return;
  const charts = await plotly();
  const hits = found();
  const asked = byId("find-word").value.trim();
  byId("map-state").replaceChildren(...(asked ? said(hits.length, asked) : []));
  const marks = points(hits, {});
  await charts.restyle("map-plot", { x: [marks.x], y: [marks.y] }, [3]);
  const exact = map.words.indexOf(asked);
  const place = exact >= 0 ? exact : hits[0];
  if (isWhole && place !== undefined) await look(map.x[place], map.y[place], closer());
  else await label();
}

function said(hits, asked) {
  if (hits) return [`${count(hits)} found on the map.`];
  return ["Not on the map. ", el("a", { href: address("ask", { word: asked }) }, "Look among all words")];
}

// How much to zoom in so that the word's surroundings fill the map.
function closer() {
  const [left, right] = ranges().x;
  const all = Math.max(...map.x) - Math.min(...map.x);
  return Math.min(1, (FOUND_SHARE * all) / (right - left));
}

function ranges() {
  const { xaxis, yaxis } = byId("map-plot")._fullLayout;
  return { x: xaxis.range.map(Number), y: yaxis.range.map(Number) };
}

async function look(x, y, factor = 1) {
  const charts = await plotly();
  const seen = ranges();
  const half = (range) => (factor * (range[1] - range[0])) / 2;
  await charts.relayout("map-plot", {
    "xaxis.range": [x - half(seen.x), x + half(seen.x)],
    "yaxis.range": [y - half(seen.y), y + half(seen.y)],
  });
}

function zoom(factor, right = 0, up = 0) {
  if (!isDrawn) return;
  const { x, y } = ranges();
  const middle = (range, step) => (range[0] + range[1]) / 2 + step * PAN * (range[1] - range[0]);
  look(middle(x, right), middle(y, up), factor);
}

// Only with Ctrl (what pinching a touchpad sends): else the wheel scrolls the page.
function wheel(event) {
  if (!event.ctrlKey) return;
  event.preventDefault();
  zoom(event.deltaY > 0 ? ZOOM : 1 / ZOOM);
}

async function showAll() {
  const charts = await plotly();
  if (isDrawn) charts.relayout("map-plot", { "xaxis.autorange": true, "yaxis.autorange": true });
}

function steer(event) {
  const act = {
    "+": () => zoom(1 / ZOOM),
    "=": () => zoom(1 / ZOOM),
    "-": () => zoom(ZOOM),
    0: showAll,
    ArrowLeft: () => zoom(1, -1, 0),
    ArrowRight: () => zoom(1, 1, 0),
    ArrowUp: () => zoom(1, 0, 1),
    ArrowDown: () => zoom(1, 0, -1),
  }[event.key];
  if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  act();
}
