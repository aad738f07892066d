// Which points of a map get their names shown: those in sight whose names do not lie on each other.

const LETTER = 7.5; // pixels, of the size that labels have
const LINE = 16;
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
    const half = (LETTER * map.words[i].length) / 2 + 4;
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
