// The views, by what follows # in the address: what each asks for and how it is shown.
const views = {
  now: { load: loadNow, show: presentNow, every: 3000 },
  spend: { load: loadSpend, show: presentSpend, every: 15000 },
  keys: { load: loadKeys, show: presentKeys, every: 15000 },
  accounts: { load: loadAccounts, show: presentAccounts, every: 5000 },
  limits: { load: loadLimits, show: presentLimits, every: 15000 },
  requests: { load: loadRequests, show: presentRequests, every: 5000 },
  explain: { load: async () => null, show: () => {}, every: 15000 },
  try: { load: async () => null, show: () => {}, every: 15000 },
  config: { load: loadConfiguration, show: presentConfiguration, every: 5000 },
  alerts: { load: async () => null, show: () => {}, every: 5000 },
};
const viewOf = hash => Object.hasOwn(views, hash.slice(1)) ? hash.slice(1) : "now";
let current = "now";
function turn() {
  current = viewOf(location.hash);
  for (const name of Object.keys(views)) {
    $("view-" + name).hidden = name !== current;
    $("to-" + name).setAttribute("aria-current", name === current ? "page" : "false");
  }
}

// Whether somebody is in, by the key of this tab or by the browser's session.
let isIn = false;
// How often the door was shut: what began before it was tells nothing.
let visits = 0;
function lock(text) {
  visits += 1;
  const [wasIn, hadKey] = [isIn, sessionStorage.getItem(store)];
  isIn = false;
  looks += 1;
  sessionStorage.removeItem(store);
  endTrial();
  for (const id of ["house", "nav", "leave", "state", "edit-card", "create-card", "to-alerts"]) $(id).hidden = true;
  dropFresh();
  for (const id of ["find", "limits-key", "filter-key", "filter-model", "filter-status", "explain-model", "explain-key", "try-key", "try-model", "try-text"]) $(id).value = "";
  document.querySelectorAll("[data-live]").forEach(node => node.replaceChildren());
  for (const memory of [drawn, kept, openStories]) memory.clear();
  filled = "";
  [tagChosen, redrawDays, keyPages, rowsBefore, shownConfig, hourShown, role, generation, edited, hasAlerts, daysShown] = ["", () => {}, [""], "", null, [], "", "", null, true, []];
  $("door").hidden = false;
  $("secret").value = "";
  $("secret").focus();
  say(text || "", text ? "bad" : "");
  if (wasIn && !hadKey && !text) call("logout", "POST").catch(() => {});
  askForWays();
}
// How one signs in here, beside the key.
async function askForWays() {
  const told = await call("login").catch(() => ({}));
  const names = { oidc: "Sign in with your organization", lark: "Sign in with Lark" };
  const links = (Array.isArray(told.ways) ? told.ways : []).filter(way => way.begin && String(way.begin).startsWith("/admin/"));
  $("ways").replaceChildren(...links.map(way => make("a", { class: "primary", href: way.begin }, names[way.kind] || "Sign in: " + way.kind)));
  $("ways").hidden = !links.length;
  $("unlock").hidden = links.length > 0 && !told.ways.some(way => way.kind === "key");
}
// The one place where a key becomes a session; a proxyd without sessions is shown the key with each call.
async function enter(key) {
  sessionStorage.removeItem(store);
  try {
    await call("login", "POST", undefined, { "x-admin-key": key });
  } catch (failure) {
    if (failure.status !== 404 && failure.status !== 405) throw failure;
    sessionStorage.setItem(store, key);
  }
  await refresh();
}

// Whether the notice tells of the last look, and goes when a look succeeds.
let isTroubled = false;
async function attempt(work) {
  const visit = visits;
  try {
    return await work();
  } catch (failure) {
    if (visit !== visits) return;
    // A viewer who may not change something stays.
    const isRole = isIn && failure.value && failure.value.error && failure.value.error.type === "role_forbidden";
    if (failure.status === 401 || (failure.status === 403 && !isRole)) return lock(failure.message);
    isTroubled = work === refresh;
    say(failure.message, "bad");
  }
}

// The day at proxyd, in its zone, as its answers tell it; no request is of a later one.
let serverDay = "";
const today = told => serverDay = told ? told.slice(0, 10) : serverDay;
const dayOf = requests => requests.reduce((day, request) => request.time > day ? request.time.slice(0, 10) : day, today());
function showState(health) {
  const config = health.config || {};
  $("state").textContent = (config.error ? "file refused, generation " : "generation ") + config.generation;
  $("state").className = "badge " + (config.error ? "bad" : health.status === "ok" ? "good" : "warn");
  $("state").hidden = false;
}
function showSilence() {
  $("state").textContent = "no answer";
  $("state").className = "badge bad";
}
// proxyd that cannot serve says so with a status of its own.
const healthOf = troubles => call("../health").catch(failure => failure.value && failure.value.config ? failure.value : (troubles.push(failure), null));

// Who is in may go elsewhere while a view is long in coming.
function welcome(caller) {
  isIn = true;
  role = caller.role;
  $("who-am-i").textContent = caller.name + (caller.role === "admin" ? "" : ", " + caller.role);
  $("door").hidden = true;
  for (const id of ["nav", "leave"]) $(id).hidden = false;
}
// What a later look has overtaken, or another view or key, is not shown.
let looks = 0;
// Where proxyd knows no alerts it is not asked for them again.
let hasAlerts = true;
let nextLook = Infinity;
// The view that has been filled; another one that is long in coming says so.
let filled = "";
const coming = "Loading…";
async function refresh() {
  const [look, name, view, troubles] = [++looks, current, views[current], []];
  nextLook = Infinity;
  const patience = setTimeout(() => {
    if (look === looks && filled !== name && !isTroubled) say(coming, "");
  }, 700);
  try {
    const caller = role ? null : await call("whoami");
    if (look !== looks) return;
    if (caller) welcome(caller);
    const [health, alerts] = await Promise.all([healthOf(troubles), hasAlerts ? ask("alerts", troubles) : null]);
    hasAlerts = alerts !== null;
    if (look !== looks) return;
    if (health && health.config) generation = String(health.config.generation);
    const data = await view.load(troubles);
    if (look !== looks) return;
    $("house").hidden = false;
    if (health && health.config) redraw("state", showState, { config: health.config, status: health.status });
    else if (!health) redraw("state", showSilence);
    $("to-alerts").hidden = alerts === null;
    if (alerts) redraw("alerts", showAlerts, alerts);
    await view.show(data, () => look !== looks);
    if (look !== looks) return;
    filled = name;
    if (troubles.length) say(troubles[0].message, "bad");
    else if (isTroubled) say("", "");
    isTroubled = troubles.length > 0;
  } finally {
    clearTimeout(patience);
    if (look === looks && $("notice").textContent === coming) say("", "");
    if (look === looks) nextLook = performance.now() + view.every;
  }
}

$("unlock").addEventListener("submit", event => {
  event.preventDefault();
  say("", "");
  attempt(() => enter($("secret").value));
});
$("leave").addEventListener("click", () => lock());
addEventListener("hashchange", () => {
  turn();
  // What was said of another view's form is nothing to this one.
  if (isIn && !isTroubled) say("", "");
  if (isIn) attempt(refresh);
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && isIn) attempt(refresh);
});
setInterval(() => {
  if (isIn && !document.hidden && performance.now() >= nextLook) attempt(refresh);
}, 1000);
$("live-details").addEventListener("toggle", () => { if ($("live-details").open) showHourTable(hourShown); });
turn();
// A session may be there without a key of this tab; who has neither is asked for one, and told nothing is wrong.
attempt(() => refresh().catch(failure => {
  if (failure.status === 401 && !sessionStorage.getItem(store)) return lock();
  throw failure;
}));
