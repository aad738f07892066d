// Elements and how words and numbers are shown. Text only ever becomes text content: a word of the
// stream may hold anything.

export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

export const byId = (id) => document.getElementById(id);

// A word on its own: what it says about the direction of text ends with it.
export function bare(word) {
  return el("bdi", {}, word);
}

export function wordLink(word, attributes = {}) {
  return el("a", { href: address("ask", { word }), class: "word", ...attributes }, bare(word));
}

export function address(view, parameters) {
  return `#${view}?${new URLSearchParams(parameters)}`;
}

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

export const count = (value) => whole.format(value);
export const compact = (value) => short.format(value);

const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];

export function bytes(value) {
  const step = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, value)) / 10));
  return `${(value / 1024 ** step).toFixed(step && value / 1024 ** step < 10 ? 1 : 0)} ${units[step]}`;
}

export function times(value) {
  const rounded = Math.round(value);
  return rounded >= 1e15 ? "a great many times" : rounded === 1 ? "once" : `${whole.format(rounded)} times`;
}

export function span(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 129600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

// The moment in a snapshot's name, as in 00000012-20260131T120000Z.
export function momentOf(name) {
  const found = /-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)/.exec(name);
  return found ? new Date(Date.UTC(found[1], found[2] - 1, ...found.slice(3, 7))) : null;
}

export function when(date) {
  if (date === null || Number.isNaN(date.getTime())) return "";
  const sameDay = date.toDateString() === new Date().toDateString();
  const time = date.toLocaleTimeString("en-GB");
  return sameDay ? time : `${date.toLocaleDateString("en-CA")} ${time}`;
}

// A bar as wide as a share of its cell; widths are set through the object model, which the
// content-security-policy allows, unlike style attributes.
export function bar(share) {
  const node = el("span", { class: "bar", "aria-hidden": "true" }, el("span"));
  node.firstChild.style.width = `${Math.round(100 * Math.min(1, Math.max(0, share)))}%`;
  return node;
}
