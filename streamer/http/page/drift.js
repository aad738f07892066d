// The view of the words that are changing now, and of those that moved most since an earlier
// snapshot, with then and now.

import { ask } from "./api.js";
import { bar, byId, count, el, when, wordLink } from "./dom.js";

const TOPN = 40;

export function begin() {
  byId("drift-form").addEventListener("submit", (event) => {
    event.preventDefault();
    compare();
  });
  byId("since").addEventListener("change", () => compare());
}

export async function show() {
  await renew();
}

export function hide() {}

export function restyle() {}

// A newer snapshot, or the first look: what there is to compare with, and the comparison.
export async function renew() {
  await changing();
  try {
    await list();
  } catch (error) {
    return say(`${error.message}.`);
  }
  await compare();
}

// Words that are leaving the average of their path in the newest snapshot alone.
async function changing() {
  const state = byId("changing-state");
  const place = byId("changing-table");
  try {
    const { changing: found } = await ask("changing", { topn: 20 });
    place.replaceChildren(...(found.length ? [changingTable(found)] : []));
    state.textContent = found.length
      ? "How far each vector has left its average: 1.0 is as usual. Words seen 1,000 times or more."
      : "No word seen 1,000 times or more is changing.";
  } catch (error) {
    place.replaceChildren();
    state.textContent = `${error.message}.`;
  }
}

function changingTable(changes) {
  const most = Math.max(...changes.map((change) => change.score));
  const names = ["word", "change", "times seen", "neighbours now"];
  const rows = changes.map((change) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, wordLink(change.word)),
      el("td", { "data-label": "change" }, amount(change.score, most)),
      el("td", { "data-label": "times seen" }, count(change.count)),
      el("td", { "data-label": "now" }, near(change.neighbors)),
    ),
  );
  return filled(names, rows);
}

async function list() {
  const { snapshots } = await ask("snapshots");
  const select = byId("since");
  const chosen = select.value;
  const earlier = snapshots.slice(1).reverse();
  select.replaceChildren(
    ...earlier.map((entry) => {
      const text = `${when(new Date(entry.created))} (${count(entry.words)} words)`;
      return el("option", { value: entry.name, selected: entry.name === chosen }, text);
    }),
  );
}

// A snapshot may have gone since it was listed: then with those that are there now, once.
async function compare({ isSecond = false } = {}) {
  const since = byId("since").value;
  if (!since) {
    byId("drift-table").replaceChildren();
    return say("There is no earlier snapshot yet to compare with.");
  }
  say("Comparing …");
  try {
    const least = Math.max(1, Number(byId("least").value) || 1);
    const relative = Math.max(0, Number(byId("relative").value) || 0);
    const asked = { since, min_count: least, min_relative: relative, topn: TOPN };
    const { drift } = await ask("drift", asked);
    byId("drift-table").replaceChildren(...(drift.words.length ? [table(drift.words)] : []));
    say(
      drift.words.length
        ? "Movement in relation to words as frequent: 1.0 is as usual. "
          + "Neighbours that were lost are struck out, those gained are marked."
        : `No word moved by 0.05 or more (one minus the cosine) and ${relative} times as far as usual.`,
    );
  } catch (error) {
    byId("drift-table").replaceChildren();
    say(`${error.message}.`);
    if (isSecond || !error.message.endsWith("any more")) return;
    await list();
    await compare({ isSecond: true });
  }
}

function say(text) {
  byId("drift-state").textContent = text;
}

function table(movements) {
  const most = Math.max(...movements.map((m) => m.relative));
  const names = ["word", "movement", "times seen", "neighbours then", "neighbours now"];
  const rows = movements.map((m) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, wordLink(m.word)),
      el("td", { "data-label": "movement" }, moved(m, most)),
      el("td", { "data-label": "times seen" }, `${count(m.old_count)} → ${count(m.new_count)}`),
      el("td", { "data-label": "then" }, near(m.old_neighbors, m.new_neighbors, "lost")),
      el("td", { "data-label": "now" }, near(m.new_neighbors, m.old_neighbors, "fresh")),
    ),
  );
  return filled(names, rows);
}

function filled(names, rows) {
  const head = names.map((name) => el("th", { scope: "col" }, name));
  return el(
    "table",
    { class: "movements" },
    el("thead", {}, el("tr", {}, ...head)),
    el("tbody", {}, ...rows),
  );
}

function moved(movement, most) {
  const title = `one minus the cosine: ${movement.moved.toFixed(3)}`;
  return amount(movement.relative, most, title);
}

function amount(value, most, title = "") {
  return el(
    "span",
    { class: "amount", title },
    bar(value / most),
    `${value.toFixed(1)} × usual`,
  );
}

// Words as links; those that are not among the others are marked.
function near(words, others, mark) {
  const known = new Set(others);
  const items = words.map((word) => el("li", { class: known.has(word) ? null : mark }, wordLink(word)));
  return el("ul", { class: "words" }, ...items);
}
