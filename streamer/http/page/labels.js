// Which points of a map get their names shown: those in sight whose names do not lie on each other.

const LINE = 16; // pixels, of the size that labels have

const pen = document.createElement("canvas").getContext("2d");
const widths = new Map();

// Measured, not guessed: letters of some scripts are twice as wide as others.
function width(word) {
  if (!widths.has(word)) {
    pen.font = '12px system-ui, "Noto Sans", "Noto Color Emoji", sans-serif';
    widths.set(word, pen.measureText(word).width);
  }
  return widths.get(word);
}
const MOST = 250;

// Places of the points to name, of `wanted` in its order; axes as plotly keeps them.
export function labelled(map, wanted, xaxis, yaxis) {
  const taken = [];
  const chosen = new Set();
  for (const i of wanted) {
    if (chosen.size >= MOST) break;
    if (chosen.has(i)) continue;
    const x = xaxis.l2p(map.x[i]);
    const y = yaxis.l2p(map.y[i]);
    if (x < 0 || y < LINE || x > xaxis._length || y > yaxis._length) continue;
    const half = width(map.words[i]) / 2 + 4;
    const box = [x - half, x + half, y - LINE, y];
    if (taken.some((other) => overlap(box, other))) continue;
    taken.push(box);
    chosen.add(i);
  }
  return [...chosen];
}

function overlap(a, b) {
  return a[0] < b[1] && b[0] < a[1] && a[2] < b[3] && b[2] < a[3];
}
