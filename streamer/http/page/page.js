// The page: which view is shown, how things are, and the news that a snapshot has come.

import { follow } from "./api.js";
import * as askView from "./ask.js";
import { byId, momentOf, span, when } from "./dom.js";
import * as driftView from "./drift.js";
import * as mapView from "./map.js";
import * as nowView from "./now.js";

const VIEWS = { now: nowView, ask: askView, map: mapView, drift: driftView };

let current = null;
let snapshot = null;

function route() {
  const [name, query = ""] = location.hash.slice(1).split("?");
  const view = VIEWS[name] ? name : "now";
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
  VIEWS[view].show(new URLSearchParams(query));
}

function tell(name, event) {
  if (name === "history") nowView.takeHistory(event);
  else if (name === "status") takeStatus(event);
  else setPhase("off", "no answer from the server");
}

function takeStatus(status) {
  setPhase(status.warnings.length ? "warn" : "on", status.phase);
  nowView.takeStatus(status);
  const made = momentOf(status.snapshot);
  byId("snapshot").textContent = made
    ? `snapshot ${Number.parseInt(status.snapshot, 10)}, ${ago(made)}`
    : "no snapshot yet";
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
byId("skip").addEventListener("click", (event) => {
  event.preventDefault();
  byId("main").focus();
});
for (const view of Object.values(VIEWS)) view.begin();
addEventListener("hashchange", route);
route();
follow(tell);
