// Which points of a map get their names shown: those in sight whose names do not lie on each other.

const SIZE = 12; // pixels, of a label's letters

const pen = document.createElement("canvas").getContext("2d");
const widths = new Map();

// Measured, not guessed: letters of some scripts are twice as wide as others.
function width(word, size) {
  if (!widths.has(word)) {
    pen.font = `${SIZE}px system-ui, "Noto Sans", "Noto Color Emoji", sans-serif`;
    widths.set(word, pen.measureText(word).width / SIZE);
  }
  return widths.get(word) * size * (size > SIZE ? 1.08 : 1); // larger ones are bold
}
const MOST = 250;

// Places of the points to name, of `wanted` in its order; axes as plotly keeps them. `taken` are
// boxes that names lie in already; those of the chosen ones join them.
export function labelled(map, wanted, xaxis, yaxis, taken = [], size = SIZE) {
  const line = size + 4;
  const chosen = new Set();
  for (const i of wanted) {
    if (chosen.size >= MOST) break;
    if (chosen.has(i)) continue;
    const x = xaxis.l2p(map.x[i]);
    const y = yaxis.l2p(map.y[i]);
    if (y < line || y > yaxis._length) continue;
    const half = width(map.words[i], size) / 2 + 4;
    const box = [x - half, x + half, y - line, y];
    if (box[0] < 0 || box[1] > xaxis._length) continue; // it would be cut off
    if (taken.some((other) => overlap(box, other))) continue;
    taken.push(box);
    chosen.add(i);
  }
  return [...chosen];
}

function overlap(a, b) {
  return a[0] < b[1] && b[0] < a[1] && a[2] < b[3] && b[2] < a[3];
}
