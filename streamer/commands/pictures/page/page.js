"use strict";
// Draws the words that stand in the page as JSON on a canvas, and moves about in them. Words only
// ever become text: what they contain is no markup.

const { words, positions } = JSON.parse(document.querySelector("script[type='application/json']").text);
const { labels, details, starts, clusters } = JSON.parse(byId("details").text);

const ZOOM = 1.5;
const PAN = 0.15; // of what is seen
const MARGIN = 0.06; // of the map, beside the outermost words
const FOUND_SHARE = 0.25; // of the map that is shown around a word that was found
const NEAR_PIXELS = 14; // of the pointer to a word that it means
const MOST_LABELS = 400;
const FONT = 'system-ui, "Noto Sans", "Noto Color Emoji", sans-serif';

const canvas = byId("map");
const pen = canvas.getContext("2d");
const everything = bounds([...positions, ...starts]);
const widths = new Map();
let view = { ...everything };
let colours = {};
let found = [];

function byId(id) {
  return document.getElementById(id);
}

function least(values) {
  return values.reduce((a, b) => Math.min(a, b));
}

function most(values) {
  return values.reduce((a, b) => Math.max(a, b));
}

function bounds(points) {
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  const [left, right, bottom, top] = [least(xs), most(xs), least(ys), most(ys)];
  const [dx, dy] = [(right - left || 1) * MARGIN, (top - bottom || 1) * MARGIN];
  return { left: left - dx, right: right + dx, bottom: bottom - dy, top: top + dy };
}

const pixels = ([x, y]) => [
  ((x - view.left) / (view.right - view.left)) * canvas.clientWidth,
  ((view.top - y) / (view.top - view.bottom)) * canvas.clientHeight,
];

function readColours() {
  const probe = document.createElement("span");
  document.body.append(probe);
  for (const name of ["ink", "dim", "panel", "purple", "orange", "low", "middle", "high"]) {
    probe.style.color = `var(--${name})`;
    colours[name] = getComputedStyle(probe).color;
  }
  probe.remove();
}

const numbers = (colour) => colour.match(/[\d.]+/g).slice(0, 3).map(Number);

// By rank, rare to frequent: words come in the order of counts.
function shade(i) {
  if (starts.length) return i < starts.length ? colours.orange : colours.dim;
  const share = 1 - i / Math.max(1, words.length - 1);
  const [a, b, part] = share < 0.5
    ? [colours.low, colours.middle, 2 * share]
    : [colours.middle, colours.high, 2 * share - 1];
  const [from, to] = [numbers(a), numbers(b)];
  return `rgb(${from.map((value, k) => Math.round(value + part * (to[k] - value))).join(" ")})`;
}

let isDue = false;
function draw() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    paint();
  });
}

function paint() {
  const ratio = devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  const points = positions.map(pixels);
  const isSeen = ([x, y]) => x > -20 && y > -20 && x < width + 20 && y < height + 20;
  for (let i = points.length - 1; i >= 0; i--) {
    if (!isSeen(points[i])) continue;
    pen.beginPath();
    pen.arc(...points[i], starts.length && i < starts.length ? 4.5 : 3, 0, 2 * Math.PI);
    pen.fillStyle = shade(i);
    pen.globalAlpha = 0.8;
    pen.fill();
  }
  pen.globalAlpha = 1;
  starts.forEach((start, i) => arrow(pixels(start), points[i]));
  pen.strokeStyle = colours.orange;
  pen.lineWidth = 2;
  for (const i of found) pen.strokeRect(points[i][0] - 7, points[i][1] - 7, 14, 14);
  const boxes = [];
  const moved = starts.map((_, i) => i);
  for (const i of [...found.slice(0, 50), ...moved]) label(i, points[i], boxes, "600");
  for (const { name, x, y } of clusters) write(name, pixels([x, y]), 15, "700", colours.purple, boxes);
  for (let i = 0; i < points.length && boxes.length < MOST_LABELS; i++) {
    if (isSeen(points[i])) label(i, points[i], boxes, "400");
  }
}

function label(i, [x, y], boxes, weight) {
  write(labels[i], [x, y - 6], 12, weight, weight === "400" ? colours.ink : colours.orange, boxes);
}

// A text with a halo, if it lies inside the picture and on no other.
function write(text, [x, y], size, weight, colour, boxes) {
  pen.font = `${weight} ${size}px ${FONT}`;
  const key = pen.font + text;
  if (!widths.has(key)) widths.set(key, pen.measureText(text).width);
  const half = widths.get(key) / 2 + 3;
  const box = [x - half, x + half, y - size, y + 4];
  if (box[0] < 0 || box[1] > canvas.clientWidth || box[2] < 0 || box[3] > canvas.clientHeight) return;
  if (boxes.some((b) => box[0] < b[1] && b[0] < box[1] && box[2] < b[3] && b[2] < box[3])) return;
  boxes.push(box);
  pen.textAlign = "center";
  pen.lineJoin = "round";
  pen.lineWidth = 3;
  pen.strokeStyle = colours.panel;
  pen.strokeText(text, x, y);
  pen.fillStyle = colour;
  pen.fillText(text, x, y);
}

function arrow([x0, y0], [x1, y1]) {
  const angle = Math.atan2(y1 - y0, x1 - x0);
  pen.strokeStyle = colours.orange;
  pen.globalAlpha = 0.7;
  pen.lineWidth = 1.5;
  pen.beginPath();
  pen.moveTo(x0, y0);
  pen.lineTo(x1, y1);
  for (const side of [-0.4, 0.4]) {
    pen.moveTo(x1, y1);
    pen.lineTo(x1 - 9 * Math.cos(angle + side), y1 - 9 * Math.sin(angle + side));
  }
  pen.stroke();
  pen.globalAlpha = 1;
}

// Zooms by a factor so that the place under (x, y), in pixels, stays there.
function zoom(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
  const [dx, dy] = [view.right - view.left, view.top - view.bottom];
  const [u, v] = [x / canvas.clientWidth, y / canvas.clientHeight];
  const [px, py] = [view.left + u * dx, view.top - v * dy];
  view = {
    left: px - u * dx * factor, right: px + (1 - u) * dx * factor,
    top: py + v * dy * factor, bottom: py - (1 - v) * dy * factor,
  };
  draw();
}

// Moves what is seen by shares of its size.
function pan(right, up) {
  const [dx, dy] = [(view.right - view.left) * right, (view.top - view.bottom) * up];
  view = { left: view.left + dx, right: view.right + dx, top: view.top + dy, bottom: view.bottom + dy };
  draw();
}

function look([x, y]) {
  const half = (high, low) => ((high - low) * FOUND_SHARE) / 2;
  const [dx, dy] = [half(everything.right, everything.left), half(everything.top, everything.bottom)];
  view = { left: x - dx, right: x + dx, top: y + dy, bottom: y - dy };
  draw();
}

function find(asked, isWhole) {
  const folded = asked.trim().toLowerCase();
  found = folded ? labels.flatMap((text, i) => (text.toLowerCase().startsWith(folded) ? [i] : [])) : [];
  byId("found").textContent = !folded ? "" : found.length ? `${found.length} found` : "not on the map";
  const exact = found.find((i) => labels[i].toLowerCase() === folded) ?? found[0];
  if (isWhole && exact !== undefined) look(positions[exact]);
  else draw();
}

// The word under the pointer and what is known of it.
function point(x, y) {
  let nearest = -1;
  let distance = NEAR_PIXELS ** 2;
  positions.forEach((position, i) => {
    const [px, py] = pixels(position);
    const away = (px - x) ** 2 + (py - y) ** 2;
    if (away < distance) [nearest, distance] = [i, away];
  });
  const box = byId("detail");
  box.hidden = nearest < 0;
  if (nearest < 0) return;
  box.textContent = `${labels[nearest]}\n${details[nearest]}`;
  box.style.left = `${Math.max(4, Math.min(x + 12, canvas.clientWidth - box.offsetWidth - 4))}px`;
  box.style.top = `${Math.max(4, Math.min(y + 12, canvas.clientHeight - box.offsetHeight - 4))}px`;
}

const fingers = new Map();
canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, event);
  point(event.offsetX, event.offsetY);
});
canvas.addEventListener("pointermove", (event) => {
  const before = fingers.get(event.pointerId);
  if (!before) return point(event.offsetX, event.offsetY);
  const others = [...fingers.values()].filter((other) => other.pointerId !== event.pointerId);
  if (others.length) {
    const span = (one) => Math.hypot(one.offsetX - others[0].offsetX, one.offsetY - others[0].offsetY);
    zoom(span(before) / Math.max(1, span(event)), others[0].offsetX, others[0].offsetY);
  } else {
    pan((before.offsetX - event.offsetX) / canvas.clientWidth, (event.offsetY - before.offsetY) / canvas.clientHeight);
  }
  fingers.set(event.pointerId, event);
});
for (const name of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(name, (event) => fingers.delete(event.pointerId));
}
canvas.addEventListener("pointerleave", () => (byId("detail").hidden = true));
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  zoom(event.deltaY > 0 ? 1.15 : 1 / 1.15, event.offsetX, event.offsetY);
}, { passive: false });
canvas.addEventListener("keydown", (event) => {
  const act = {
    "+": () => zoom(1 / ZOOM), "=": () => zoom(1 / ZOOM), "-": () => zoom(ZOOM), 0: showAll,
    ArrowLeft: () => pan(-PAN, 0), ArrowRight: () => pan(PAN, 0),
    ArrowUp: () => pan(0, PAN), ArrowDown: () => pan(0, -PAN),
  }[event.key];
  if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  act();
});

function showAll() {
  view = { ...everything };
  draw();
}

function useTheme(theme) {
  const isDark = theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  if (theme) document.documentElement.dataset.theme = theme;
  byId("theme").textContent = isDark ? "Light" : "Dark";
  byId("theme").onclick = () => useTheme(isDark ? "light" : "dark");
  readColours();
  draw();
}

function legend() {
  if (starts.length) return ["Arrows lead from where words were to where they are; other words show the way."];
  const scale = document.createElement("span");
  const ramp = document.createElement("span");
  [scale.className, ramp.className] = ["scale", "ramp"];
  scale.append("rare", ramp, "frequent");
  return [scale, "Words used alike lie together. Zoom in for more names."];
}

byId("in").onclick = () => zoom(1 / ZOOM);
byId("out").onclick = () => zoom(ZOOM);
byId("all").onclick = showAll;
byId("word").addEventListener("input", (event) => find(event.target.value, false));
byId("find").addEventListener("submit", (event) => {
  event.preventDefault();
  find(byId("word").value, true);
});
byId("legend").append(...legend());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => useTheme());
new ResizeObserver(draw).observe(canvas);
useTheme();
// An address with #word shows that word.
if (location.hash.length > 1) {
  byId("word").value = decodeURIComponent(location.hash.slice(1));
  find(byId("word").value, true);
}
