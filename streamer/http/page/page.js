// The page: which view is shown, how things are, and the news that a snapshot has come.

import { follow } from "./api.js";
import * as askView from "./ask.js";
import { byId, momentOf, span, when } from "./dom.js";
import * as driftView from "./drift.js";
import * as mapView from "./map.js";
import * as nowView from "./now.js";

const VIEWS = { now: nowView, ask: askView, map: mapView, drift: driftView };

// A status comes every two seconds: after this long without one the server is gone or stuck.
const SILENCE_MILLISECONDS = 6000;

let current = null;
let snapshot = null;
let heard = Date.now();
let newest = null; // the last status

function route() {
  const [path, query = ""] = location.hash.slice(1).split("?");
  const [name, word = ""] = path.split("/");
  const view = VIEWS[name] ? name : "now";
  const parameters = new URLSearchParams(query);
  if (word) parameters.set("word", decodeURIComponent(word));
  if (current !== null && current !== view) VIEWS[current].hide();
  current = view;
  for (const other of Object.keys(VIEWS)) {
    byId(`${other}-view`).hidden = other !== view;
    const link = document.querySelector(`nav a[href="#${other}"]`);
    if (other === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const title = document.querySelector(`nav a[href="#${view}"]`).textContent;
  document.title = `${title} · w2v-stream`;
  VIEWS[view].show(parameters);
}

function tell(name, event) {
  if (name === "history") nowView.takeHistory(event);
  else if (name === "status") takeStatus(event);
  else checkSilence(true);
}

// Unmistakable when the server is gone: a banner, greyed figures, and ages that go on.
function checkSilence(isLost = false) {
  const silence = Date.now() - heard;
  const isGone = isLost || silence > SILENCE_MILLISECONDS;
  byId("gone").hidden = !isGone;
  document.body.classList.toggle("stale", isGone);
  if (isGone) {
    setPhase("off", "no answer");
    const text = `The server has not answered for ${span(silence / 1000)}. Everything shown is from `;
    byId("gone").textContent = `${text}${when(new Date(heard))}. Still trying.`;
  }
  showSnapshot(isGone ? silence / 1000 : 0);
}

function showSnapshot(silence) {
  const made = newest && momentOf(newest.snapshot);
  const due = newest?.next_snapshot;
  if (made) {
    byId("snapshot").textContent = `snapshot ${Number.parseInt(newest.snapshot, 10)}, ${ago(made)}`;
  } else if (due !== null && due !== undefined) {
    byId("snapshot").textContent = `first snapshot in ${span(Math.max(0, due - silence))}`;
  } else byId("snapshot").textContent = "no snapshot yet";
}

function takeStatus(status) {
  heard = Date.now();
  newest = status;
  checkSilence();
  setPhase(status.warnings.length ? "warn" : "on", status.phase);
  nowView.takeStatus(status);
  const made = momentOf(status.snapshot);
  if (snapshot !== null && status.snapshot !== snapshot && status.snapshot) {
    byId("news").textContent = `A new snapshot has come, written at ${when(made)}.`;
    VIEWS[current].renew?.();
  }
  snapshot = status.snapshot;
}

function ago(date) {
  return `${span(Math.max(0, (Date.now() - date.getTime()) / 1000))} ago`;
}

function setPhase(state, text) {
  const phase = byId("phase");
  phase.dataset.state = state;
  phase.textContent = text;
}

function useTheme(theme) {
  const isDark = theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  if (theme) document.documentElement.dataset.theme = theme;
  byId("theme").textContent = isDark ? "Light" : "Dark";
  byId("theme").onclick = () => {
    const next = isDark ? "light" : "dark";
    localStorage.setItem("theme", next);
    useTheme(next);
    for (const view of Object.values(VIEWS)) view.restyle();
  };
}

useTheme(localStorage.getItem("theme"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  useTheme(localStorage.getItem("theme"));
  for (const view of Object.values(VIEWS)) view.restyle();
});
byId("skip").addEventListener("click", (event) => {
  event.preventDefault();
  byId("main").focus();
});
for (const view of Object.values(VIEWS)) view.begin();
addEventListener("hashchange", route);
route();
setInterval(() => checkSilence(byId("phase").dataset.state === "off" && newest !== null), 1000);
follow(tell);
