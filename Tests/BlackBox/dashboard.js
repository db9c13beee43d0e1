// Runs the dashboard's page as a browser would, as far as its script can tell, and prints what it shows.
//
//   node dashboard.js http://127.0.0.1:8180/admin/ ADMIN_KEY '["later", "click leave"]'
//
// The steps come after the page was opened with the key: `go VIEW` turns to a view, `later` is the page's timer five minutes on, `click ID` a click,
// `press TEXT ROW` a click on the button of this text (_ for a space) in the row of a table that begins with this word, `choose ID VALUE` a choice,
// `type ID TEXT` an input and `write ID TEXT` one
// that nobody waits for, `submit ID` a form that is sent, `post URL KEY BODY` somebody else's request; `during PATH STEP` is `later`, with the step while the call
// of PATH waits for its answer; `part` is the end of the network, `meet` its return. After the last one comes, as JSON: of every element with an id its text (of a
// table's body the cells of each row) and whether it is hidden; the calls since the last step; what went wrong.
"use strict";
const vm = require("vm");
const [address, key, steps] = [process.argv[2], process.argv[3], JSON.parse(process.argv[4] || "[]")];

class Node {
  constructor(tag) {
    Object.assign(this, { tag, attributes: {}, children: [], listeners: {}, hidden: false, className: "", clientWidth: 600, ownValue: "" });
  }
  append(...children) {
    this.children.push(...children.map(child => child instanceof Node ? child : String(child)));
  }
  replaceChildren(...children) {
    this.children = [];
    this.append(...children);
  }
  setAttribute(name, value) { this.attributes[name] = String(value); }
  addEventListener(name, listener) { (this.listeners[name] ||= []).push(listener); }
  dispatch(name) { (this.listeners[name] || []).forEach(listener => listener({ preventDefault() {} })); }
  focus() {}
  get options() { return this.children; }
  // A choice has the value of one of its options, or none.
  get value() { return this.tag === "option" ? this.attributes.value : this.ownValue; }
  set value(value) {
    this.ownValue = this.tag !== "select" || this.options.some(option => option.value === value) ? String(value) : "";
  }
  get textContent() { return this.children.map(child => child instanceof Node ? child.textContent : child).join(""); }
  set textContent(text) { this.children = String(text) === "" ? [] : [String(text)]; }
  get shown() {
    const parts = this.children.map(child => child instanceof Node ? child.shown : child);
    return parts.map(part => part.trim()).filter(Boolean).join(" ");
  }
}

const nodes = {};
const [problems, calls, timers] = [[], [], []];
let [skipped, pending, held, cookie, parted] = [0, 0, null, "", false];

function build(html) {
  for (const [, tag, attributes] of html.matchAll(/<(\w+)([^>]*\sid="[^>]*)>/g)) {
    const node = new Node(tag);
    const id = /\sid="([^"]+)"/.exec(attributes)[1];
    if (nodes[id]) problems.push("two elements are called " + id);
    nodes[id] = node;
    node.hidden = /\shidden\b/.test(attributes);
    node.isLive = attributes.includes("data-live");
  }
}

const kept = { "proxyd-admin-key": key };
const listeners = {};
const document = {
  hidden: false,
  addEventListener: () => {},
  getElementById: id => nodes[id] || (problems.push("nothing is called " + id), null),
  createElement: tag => new Node(tag),
  createElementNS: (_space, tag) => new Node(tag),
  querySelectorAll: selector => {
    if (selector !== "[data-live]") problems.push("cannot select " + selector);
    return Object.values(nodes).filter(node => node.isLive);
  },
};
const browser = {
  document, Node, Intl, console, clearTimeout,
  // What is drawn part by part is under way until its last part, however slow this machine is.
  setTimeout(work, delay, ...rest) {
    if (delay) return setTimeout(work, delay, ...rest);
    pending += 1;
    return setTimeout(() => {
      pending -= 1;
      work(...rest);
    });
  },
  sessionStorage: { getItem: name => kept[name] ?? null, setItem: (name, value) => { kept[name] = value; }, removeItem: name => { delete kept[name]; } },
  performance: { now: () => performance.now() + skipped },
  setInterval: work => timers.push(work),
  addEventListener: (name, listener) => (listeners[name] ||= []).push(listener),
  location: { hash: "" }, AbortController, TextDecoder,
  confirm: () => true,
  navigator: {},
  fetch: async (path, options) => {
    calls.push(path);
    pending += 1;
    try {
      if (parted) throw new TypeError("Failed to fetch");
      // As a browser: with the cookies that it was given, and with where the page is from.
      const headers = { ...(options && options.headers), origin: new URL(address).origin };
      if (cookie && !(options && options.credentials === "omit")) headers.cookie = cookie;
      const answer = await fetch(new URL(path, address), { ...options, headers });
      const given = answer.headers.get("set-cookie");
      if (given) cookie = /max-age=0/i.test(given) ? "" : given.split(";")[0];
      const text = await answer.text();
      if (held && path === held.path) {
        held.reached();
        await held.free;
      }
      return { ok: answer.ok, status: answer.status, json: async () => JSON.parse(text) };
    } finally {
      pending -= 1;
    }
  },
};

async function quiet() {
  // Nothing is asked for, and what was asked for is drawn: several rounds in a row.
  for (let rounds = 0; rounds < 5; rounds = pending ? 0 : rounds + 1) await new Promise(done => setTimeout(done, 20));
}

async function take(step) {
  const [what, id, ...rest] = step.split(" ");
  calls.length = 0;
  if (what === "during") {
    let goOn;
    const reached = new Promise(done => { held = { path: id, reached: done, free: new Promise(done => { goOn = done; }) }; });
    act("later");
    await reached;
    await act(...rest);
    goOn();
    return quiet();
  }
  await act(what, id, ...rest);
  await quiet();
}

async function act(what, id, ...rest) {
  if (what === "later") {
    skipped += 300000;
    timers.forEach(work => work());
  } else if (what === "go") {
    browser.location.hash = "#" + id;
    listeners.hashchange.forEach(listener => listener());
  } else if (what === "part" || what === "meet") {
    parted = what === "part";
  } else if (what === "click") {
    nodes[id].dispatch("click");
  } else if (what === "press") {
    const rows = Object.values(nodes).filter(node => node.tag === "tbody").flatMap(body => body.children);
    // The views that were shown before have rows of the same beginning.
    const meant = rows.filter(one => one instanceof Node && one.shown.split(" ")[0] === rest[0]);
    const button = meant.flatMap(row => within(row)).find(node => node.tag === "button" && node.textContent === id.replaceAll("_", " "));
    if (button) button.dispatch("click");
    else problems.push(`no button ${id} in a row ${rest[0]}`);
  } else if (what === "submit") {
    nodes[id].dispatch("submit");
  } else if (what === "post") {
    const [secret, ...body] = rest;
    const headers = { "x-api-key": secret, "content-type": "application/json" };
    const answer = await fetch(id, { method: "POST", headers, body: body.join(" ") });
    await answer.text();
    if (!answer.ok) problems.push(`${answer.status} of ${id}`);
  } else {
    nodes[id].value = rest.join(" ");
    nodes[id].dispatch(what === "choose" ? "change" : "input");
    if (what === "write") return;
    // The page waits for the next letter.
    await new Promise(done => setTimeout(done, 300));
  }
}

function within(node) {
  return [node, ...node.children.filter(child => child instanceof Node).flatMap(within)];
}

function cells(body) {
  return body.children.map(row => row.children.map(cell => cell.shown));
}

(async () => {
  const html = await (await fetch(address)).text();
  build(html.slice(html.indexOf("<body>"), html.indexOf("<script>")));
  process.on("unhandledRejection", error => problems.push(String(error && error.stack)));
  vm.runInNewContext(html.slice(html.indexOf("<script>") + 8, html.indexOf("</script>")), browser);
  await quiet();
  for (const step of steps) await take(step);
  const entries = Object.entries(nodes);
  console.log(JSON.stringify({
    shown: Object.fromEntries(entries.map(([id, node]) => [id, node.tag === "tbody" ? cells(node) : node.shown])),
    hidden: entries.filter(([, node]) => node.hidden).map(([id]) => id),
    live: entries.filter(([, node]) => node.isLive).map(([id]) => id),
    label: nodes.chart && nodes.chart.children[0] ? nodes.chart.children[0].attributes["aria-label"] : "",
    calls, problems,
  }));
  process.exit(0);
})();
