"use strict";
const $ = id => document.getElementById(id);
const store = "proxyd-admin-key";
const SVG = "http://www.w3.org/2000/svg";

// Strings become text nodes: nothing that comes from the API is ever markup.
function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter(child => child !== null && child !== undefined && child !== false));
  return node;
}
function draw(tag, attributes, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// With the key of this tab; without one the browser shows its session's cookie.
async function call(path, method = "GET", body, further) {
  const headers = { ...further };
  const key = sessionStorage.getItem(store);
  if (key && !headers["x-admin-key"]) headers["x-admin-key"] = key;
  if (body !== undefined) headers["content-type"] = "application/json";
  const answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) }).catch(() => {
    throw new Error(isIn ? "proxyd does not answer. What stands here is what it told last." : "proxyd does not answer.");
  });
  const value = await answer.json().catch(() => ({}));
  // What was changed is looked at anew.
  if (method !== "GET") kept.clear();
  if (answer.ok) return value;
  const failure = new Error((value.error && value.error.message) || "proxyd answered " + answer.status);
  failure.status = answer.status;
  failure.value = value;
  throw failure;
}

let noticeTimer;
function say(text, kind) {
  $("notice").textContent = text;
  $("notice").className = kind;
  $("notice").hidden = !text;
  clearTimeout(noticeTimer);
  if (kind === "good") noticeTimer = setTimeout(() => say("", ""), 5000);
}

const whole = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const dollars = new Intl.NumberFormat("en", { style: "currency", currency: "USD" });
const roundDollars = new Intl.NumberFormat("en", { style: "currency", currency: "USD", maximumFractionDigits: 0 });
const shortDollars = new Intl.NumberFormat("en", { style: "currency", currency: "USD", notation: "compact", maximumFractionDigits: 1 });
const smallDollars = new Intl.NumberFormat("en", { style: "currency", currency: "USD", minimumFractionDigits: 2, maximumFractionDigits: 4 });
// The first use of each takes the browser long: each has it in a turn of its own.
[whole, short, dollars, roundDollars, shortDollars, smallDollars].forEach(format => setTimeout(() => format.format(1)));
const number = value => value < 100000 ? whole.format(value) : short.format(value);
const counted = (value, word) => `${number(value)} ${word}${value === 1 ? "" : "s"}`;
function usd(value) {
  if (value > 0 && value < 0.005) return "<$0.01";
  return value < 1000 ? dollars.format(value) : value < 100000 ? roundDollars.format(value) : shortDollars.format(value);
}
// A single request costs parts of a cent.
const fineUsd = value => value <= 0 || value >= 0.1 ? usd(value) : value < 0.0001 ? "<$0.0001" : smallDollars.format(value);
const percent = share => share > 0 && share < 0.01 ? "<1%" : Math.round(share * 100) + "%";
// Times are shown as the server has them, in its configured zone.
const time = text => text ? text.slice(0, 16).replace("T", " ") : "never";
const month = day => new Date(day + "T00:00:00Z").toLocaleDateString("en", { month: "long", timeZone: "UTC" });

const pill = (text, kind, title) => make("span", { class: "pill " + kind, title }, text);
const cell = (...children) => make("td", {}, ...children);
const wide = (...children) => make("td", { class: "wide" }, ...children);
const count = value => make("td", { class: "num wide", title: whole.format(value) }, number(value));
// What a phone has no column for stands below what it has.
const under = (...children) => make("small", { class: "under" }, ...children);
function fill(id, rows, columns, empty) {
  $(id).replaceChildren(...(rows.length ? rows
    : [make("tr", {}, make("td", { colspan: columns, class: "empty" }, empty))]));
}
// `share` is of 1; what is over is full.
function meter(share, kind, label) {
  const bar = draw("svg", { class: "meter " + kind, viewBox: "0 0 100 6", preserveAspectRatio: "none", role: "img", "aria-label": label });
  bar.append(draw("rect", { width: Math.max(0, Math.min(1, share)) * 100, height: 6 }));
  return bar;
}

// What has not changed is not drawn anew: focus, selection and place of scrolling stay.
const drawn = new Map();
function redraw(name, show, ...values) {
  const text = JSON.stringify(values);
  if (drawn.get(name) === text) return;
  show(...values);
  drawn.set(name, text);
}

const seconds = milliseconds => milliseconds === null || milliseconds === undefined ? "–" : milliseconds < 1000 ? Math.round(milliseconds) + " ms"
  : milliseconds < 10000 ? (milliseconds / 1000).toFixed(1) + " s" : whole.format(Math.round(milliseconds / 1000)) + " s";

// What this caller may do: "admin" or "viewer".
let role = "";
const mayChange = () => role === "admin";

// A part that is not there, or not for this key, is null, and its panel is hidden; one that failed is undefined, and its panel stays as
// it was.
async function ask(path, troubles) {
  try {
    return await call(path);
  } catch (failure) {
    if (failure.status === 403 || failure.status === 404) return null;
    if (failure.status === 401) throw failure;
    troubles.push(failure);
    return undefined;
  }
}
// Reports take proxyd longer than the rest. One is asked again when `mark` is another than it was, and not before fifty times as long has
// passed as its answer took: a page that is left open costs a fiftieth of what it could.
const kept = new Map();
async function seldom(path, mark, troubles) {
  const [known, start] = [kept.get(path), performance.now()];
  if (known && (start < known.until || (mark !== null && known.mark === mark && start < known.old))) return known.value;
  const value = await ask(path, troubles);
  if (value === undefined) return known && known.value;
  const end = performance.now();
  if (kept.size > 100) kept.clear();
  kept.set(path, { value, mark, until: end + Math.min(600000, Math.max(14000, 50 * (end - start))), old: end + 600000 });
  return value;
}
const rowsOf = report => report && (Array.isArray(report.rows) ? report.rows : null);
function panel(id, show, ...values) {
  if (values.includes(undefined)) {
    $(id).hidden ||= !drawn.has(id);
    return;
  }
  $(id).hidden = values.includes(null);
  if (!$(id).hidden) redraw(id, show, ...values);
}
function button(text, work, danger) {
  return make("button", { class: "small" + (danger ? " danger" : ""), type: "button", onclick: work }, text);
}
