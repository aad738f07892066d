// The view of the words that moved most since an earlier snapshot, with then and now.

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
  try {
    await list();
  } catch (error) {
    return say(`${error.message}.`);
  }
  await compare();
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
    const { drift } = await ask("drift", { since, min_count: least, topn: TOPN });
    byId("drift-table").replaceChildren(table(drift.words));
    say("Ranked by movement in relation to words as frequent: 1.0 is as usual.");
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
  const head = ["word", "movement", "times seen", "neighbours then", "neighbours now"].map((name) =>
    el("th", { scope: "col" }, name),
  );
  const rows = movements.map((m) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, wordLink(m.word)),
      el("td", { "data-label": "movement" }, moved(m, most)),
      el("td", { "data-label": "times seen" }, `${count(m.old_count)} → ${count(m.new_count)}`),
      el("td", { "data-label": "then" }, near(m.old_neighbors)),
      el("td", { "data-label": "now" }, near(m.new_neighbors)),
    ),
  );
  return el(
    "table",
    { class: "movements" },
    el("thead", {}, el("tr", {}, ...head)),
    el("tbody", {}, ...rows),
  );
}

function moved(movement, most) {
  const text = `${movement.relative.toFixed(1)} × usual`;
  const title = `one minus the cosine: ${movement.moved.toFixed(3)}`;
  return el("span", { class: "amount", title }, bar(movement.relative / most), text);
}

function near(words) {
  return el("ul", { class: "words" }, ...words.map((word) => el("li", {}, wordLink(word))));
}
