// The view that asks: neighbours of a word, analogies, a sentence, and a word's past.

import { ask, Failure } from "./api.js";
import { baseLayout, colour, CONFIG, plotly } from "./charts.js";
import { address, bar, bare, byId, count, el, times, when, wordLink } from "./dom.js";

const TOPN = 15;
const EXAMPLES = 24;

let shown = {}; // parameters of the question that is answered
let wayOf = []; // moments of the word's history that is drawn
let current = null; // ends what is under way when another question comes

export function begin() {
  byId("among").addEventListener("change", () => shown.word && answer());
  for (const name of ["word", "analogy", "text"]) {
    const form = byId(`ask-${name}`);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const parameters = Object.fromEntries(
        [...new FormData(form)].map(([key, value]) => [key, value.trim()]),
      );
      location.hash = address("ask", parameters);
    });
  }
}

export function show(parameters) {
  shown = Object.fromEntries(parameters);
  for (const field of document.querySelectorAll("#ask-view input")) {
    field.value = shown[field.name] ?? "";
  }
  if (!Object.keys(shown).length) byId("word").focus();
  return answer();
}

export function hide() {}

export function restyle() {
  drawWay();
}

// A newer snapshot: the same question again.
export const renew = () => answer();

async function answer() {
  current?.abort();
  const running = (current = new AbortController());
  const { word, a, b, c, text } = shown;
  try {
    let found;
    if (word) found = await neighbours((shown.word = await known(word, running.signal)), running.signal);
    else if (a && b && c) {
      const words = await Promise.all([a, b, c].map((part) => known(part, running.signal)));
      found = await analogy({ a: words[0], b: words[1], c: words[2] }, running.signal);
    }
    else if (text) found = await sentence(text, running.signal);
    else found = await examples(running.signal);
    if (running === current) byId("answer").replaceChildren(...found);
    if (word && running === current) await past(shown.word, running);
  } catch (error) {
    if (error.name === "AbortError" || running !== current) return;
    byId("answer").replaceChildren(...(await failure(error)));
  }
}

// The word as the vocabulary has it: France is found as france.
async function known(word, signal) {
  try {
    await ask("vectors", { word }, signal);
    return word;
  } catch (error) {
    if (error.status !== 404) throw error;
    const { spellings } = await ask("spellings", { word: word.slice(0, 256) }, signal);
    const folded = word.toLowerCase();
    return spellings.find((near) => near.word.toLowerCase() === folded)?.word ?? word;
  }
}

async function neighbours(word, signal) {
  const among = byId("among").value;
  const parameters = { word, topn: TOPN, ...(among && { restrict_vocab: among }) };
  const { neighbors, counts } = await ask("neighbors", parameters, signal);
  return [
    el("h3", {}, "Similar to ", bare(word)),
    el("p", { class: "note" }, `occurs ${times(counts[word])}`),
    el("div", { class: "pair" }, table(neighbors[word]), el("div", { id: "past", class: "past" })),
  ];
}

async function analogy({ a, b, c }, signal) {
  const { analogy: found } = await ask("analogy", { a, b, c, topn: TOPN }, signal);
  const title = el("h3", {}, bare(a), " is to ", bare(b), " as ", bare(c), " is to …");
  return [title, table(found)];
}

async function sentence(text, signal) {
  const { text: found } = await ask("text", { text, topn: TOPN }, signal);
  const parts = [el("h3", {}, "Similar to ", bare(text))];
  if (found.unknown.length) {
    const words = found.unknown.flatMap((word, i) => [i ? ", " : "", bare(word)]);
    parts.push(el("p", { class: "note" }, "Without a vector, left out: ", ...words));
  }
  if (!found.known.length) parts.push(el("p", {}, "None of these words has a vector yet."));
  return found.known.length ? [...parts, table(found.neighbors)] : parts;
}

async function examples(signal) {
  const { examples: found } = await ask("examples", { topn: EXAMPLES }, signal);
  return [
    el("h3", {}, "Words from different parts of this text"),
    el("ul", { class: "words" }, ...found.map(({ word }) => el("li", {}, wordLink(word)))),
  ];
}

function table(found) {
  const rows = found.map(({ word, cosine, count: seen }) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, wordLink(word)),
      el("td", { class: "number" }, bar(cosine), cosine.toFixed(3)),
      el("td", { class: "number" }, count(seen)),
    ),
  );
  const head = el(
    "tr",
    {},
    el("th", { scope: "col" }, "word"),
    el("th", { scope: "col", class: "number" }, "cosine"),
    el("th", { scope: "col", class: "number" }, "count"),
  );
  return el("table", { class: "found" }, el("thead", {}, head), el("tbody", {}, ...rows));
}

// How the word's neighbours changed over the snapshots that are kept.
async function past(word, running) {
  const place = byId("past");
  place.replaceChildren(el("p", { class: "note" }, "Looking through the earlier snapshots …"));
  let history;
  try {
    ({ history } = await ask("history", { word }, running.signal));
  } catch (error) {
    if (error.name === "AbortError" || running !== current) return;
    place.replaceChildren(el("p", { class: "note" }, `Its past cannot be shown: ${error.message}.`));
    return;
  }
  if (running !== current) return;
  const rows = history.map((moment, i) => {
    const before = new Set(i ? history[i - 1].neighbors : moment.neighbors);
    const words = moment.neighbors.map((near) =>
      el("li", { class: before.has(near) ? null : "fresh" }, wordLink(near)),
    );
    return el(
      "li",
      { class: "moment" },
      el(
        "p",
        { class: "note" },
        el("time", { datetime: moment.created }, when(new Date(moment.created))),
        ` · occurs ${times(moment.count)}`,
        moment.moved === null ? "" : ` · moved ${moment.moved.toFixed(3)}`,
      ),
      el("ul", { class: "words" }, ...words),
    );
  });
  const last = history.at(-1).moved_in_all.toFixed(3);
  const way = el("div", { class: "way", role: "img" });
  way.setAttribute("aria-label", `How far it moved since the first snapshot kept: ${last} by now`);
  const curve = [
    el("h3", {}, "How far it moved since the first snapshot kept"),
    el("p", { class: "note" }, `One minus the cosine; ${last} by now.`),
    way,
  ];
  place.replaceChildren(
    ...(history.length > 1 ? curve : []),
    el("h3", {}, "Its neighbours over the snapshots kept"),
    el("p", { class: "note" }, "Newest first; marked words are new among them."),
    el("ol", { class: "moments", reversed: true }, ...rows.reverse()),
  );
  wayOf = history;
  if (history.length > 1) await drawWay();
}

// How times on the curve are told: in as few letters as tell them apart.
function clock() {
  const [first, last] = [wayOf[0], wayOf.at(-1)].map((moment) => new Date(moment.created));
  const hours = (last - first) / 3.6e6;
  return hours > 36 ? "%b %d" : hours > 0.2 ? "%H:%M" : "%H:%M:%S";
}

async function drawWay() {
  const charts = await plotly();
  const place = document.querySelector(".way");
  if (!place || byId("ask-view").hidden) return;
  const grid = { gridcolor: colour("line"), zeroline: false, fixedrange: true };
  await charts.react(
    place,
    [
      {
        x: wayOf.map((moment) => new Date(moment.created)),
        y: wayOf.map((moment) => moment.moved_in_all),
        hoverinfo: "none", // ours: plotly's own would need inline styles
        mode: "lines+markers",
        line: { color: colour("purple"), width: 2 },
        cliponaxis: false,
      },
    ],
    {
      ...baseLayout(),
      margin: { l: 44, r: 12, t: 6, b: 22 },
      height: 120,
      dragmode: false,
      xaxis: { ...grid, showgrid: false, nticks: 4, tickformat: clock(), type: "date" },
      yaxis: { ...grid, nticks: 3, rangemode: "tozero" },
    },
    CONFIG,
  );
}

// No snapshot yet is no fault: it comes by itself, and then the question is answered.
function waiting(reason) {
  return `${reason}. The answer comes with the first snapshot.`;
}

async function failure(error) {
  if (!(error instanceof Failure)) return [el("p", { class: "wrong" }, error.message)];
  if (error.status === 503) return [el("p", { class: "note" }, waiting(error.message))];
  const parts = [el("p", { class: "wrong" }, `${error.message}.`)];
  const words = [shown.word, shown.a, shown.b, shown.c].filter(Boolean);
  if (error.status !== 404 || !words.length) return parts;
  for (const word of words) {
    const { spellings } = await ask("spellings", { word: word.slice(0, 256) });
    if (!spellings.length || spellings.some((near) => near.word === word)) continue;
    parts.push(
      el("p", {}, "Spelled nearly like ", bare(word), ":"),
      el("ul", { class: "words" }, ...spellings.map((near) => el("li", {}, wordLink(near.word)))),
    );
  }
  if (parts.length === 1) parts.push(el("p", {}, "Nothing is spelled nearly like it."));
  return parts;
}
