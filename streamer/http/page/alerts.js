// Records that the model did not expect: the latest alerts with their words marked, and kinds that
// send none.

import { post } from "./api.js";
import { byId, count, el, when } from "./dom.js";

let shown = "";

export function fillAlerts(alerts) {
  const section = byId("alerts");
  section.hidden = !alerts;
  const text = JSON.stringify(alerts ?? null);
  if (section.hidden || text === shown) return; // what has the focus stays
  shown = text;
  const muted = new Set(alerts.muted.map((kind) => kind.kind_id));
  byId("alerts-none").hidden = alerts.latest.length > 0;
  byId("alerts-latest").replaceChildren(...alerts.latest.map((alert) => row(alert, muted)));
  byId("alerts-muted").hidden = alerts.muted.length === 0;
  byId("alerts-muted")
    .querySelector("ul")
    .replaceChildren(...alerts.muted.map((kind) => mutedRow(kind)));
}

function row(alert, muted) {
  const text = el("p", { class: "record" });
  text.append(...(alert.text === undefined ? ["(text is left out)"] : marked(alert.text, alert.words)));
  const facts = [when(new Date(alert.time)), place(alert.position), `p = ${alert.p.toPrecision(2)}`];
  if (alert.count > 1) facts.push(`${count(alert.count)} records`);
  const node = el("li", {}, text, el("p", { class: "range" }, facts.join(", ")));
  if (!muted.has(alert.kind_id)) node.append(muteButton(alert.kind_id, true, "Mute this kind"));
  return node;
}

function mutedRow(kind) {
  const text = el("p", { class: "record" }, kind.kind ?? `kind ${kind.kind_id}`);
  return el("li", {}, text, muteButton(kind.kind_id, false, "Send again"));
}

function muteButton(kind, isMuted, title) {
  const button = el("button", { type: "button", class: "quiet" }, title);
  button.addEventListener("click", async () => {
    button.disabled = true; // the next status shows what has become of it
    try {
      await post("alerts/mute", { kind_id: kind, muted: isMuted });
    } catch {
      button.disabled = false;
    }
  });
  return button;
}

const place = (position) =>
  Object.entries(position)
    .filter(([name]) => name !== "inode" && name !== "byte")
    .map(([name, value]) => `${name} ${value}`)
    .join(" ");

// A text with the words that made it surprising marked, wherever they occur.
function marked(text, words) {
  const lower = text.toLowerCase();
  const isMarked = new Uint8Array(text.length);
  for (const { word } of lower.length === text.length ? words : []) {
    const wanted = word.toLowerCase();
    for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, at + 1)) {
      isMarked.fill(1, at, at + wanted.length);
    }
  }
  const parts = [];
  for (let begin = 0; begin < text.length; ) {
    let end = begin;
    while (end < text.length && isMarked[end] === isMarked[begin]) end += 1;
    const part = text.slice(begin, end);
    parts.push(isMarked[begin] ? el("mark", {}, part) : part);
    begin = end;
  }
  return parts;
}
