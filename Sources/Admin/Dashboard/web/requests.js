// `done/relay`: who ended it, and how far it had come.
function ending(request) {
  const party = String(request.outcome).split("/")[0];
  const status = request.status ? String(request.status) : "";
  if (party === "done") return pill(status, request.status < 400 ? "good" : "bad", request.outcome);
  const words = { client: "client left", upstream: "cut", proxy: "failed", crash: "crash" };
  return pill([request.status >= 400 ? status : "", words[party] || request.outcome].filter(Boolean).join(" "),
    party === "client" ? "warn" : "bad", request.outcome);
}
const brief = value => value < 10000 ? whole.format(value) : short.format(value);
function tokensOf(request) {
  if (request.source === "none") return make("span", { class: "soft", title: "The answer told no usage." }, "not told");
  const input = request.input + request.cache_read + request.cache_write;
  const title = `${whole.format(request.input)} input, ${whole.format(request.cache_read)} from the cache, `
    + `${whole.format(request.cache_write)} into the cache, ${whole.format(request.output)} output`;
  const isCounted = request.source === "counted";
  return make("span", { title }, `${isCounted ? "≈ " : ""}${brief(input)} → ${brief(request.output)}`,
    isCounted ? " " : null, isCounted ? pill("counted", "warn", "The upstream did not tell its usage: it is counted by what had come.") : null);
}
function costOf(request) {
  if (request.cost_nano === null) return make("span", { class: "soft" }, "no price");
  return (request.source === "counted" ? "≈ " : "") + fineUsd(request.cost_nano / 1e9);
}
const shortened = text => text.length > 12 ? text.slice(0, 8) + "…" : text;
function requestRow(request, day, ...more) {
  const when = request.time.startsWith(day) ? request.time.slice(11, 19) : time(request.time).slice(5);
  const conversation = [request.session, request.agent].filter(Boolean).map(shortened).join(" · ");
  const way = [request.upstream, request.model_asked && request.model_asked !== request.model ? "asked for " + request.model_asked : null,
    request.attempts && request.attempts.length > 1 ? request.attempts.length + " attempts" : null];
  return make("tr", { title: request.id },
    make("td", { class: "when" }, make("span", { class: "nowrap" }, when), " ", ending(request)),
    make("td", { class: "wide" }, request.key, make("small", { class: "block", title: [request.session, request.agent].filter(Boolean).join("\n") }, conversation)),
    make("td", { class: "any" }, make("span", { class: "under strong" }, request.key), request.model || "–",
      make("small", { class: "block" }, way.filter(Boolean).join(" · "))),
    make("td", { class: "num wide" }, tokensOf(request)),
    make("td", { class: "num" }, costOf(request), under(tokensOf(request))),
    make("td", { class: "num wide nowrap", title: request.first_byte_ms === null ? null : `first byte after ${seconds(request.first_byte_ms)}` },
      seconds(request.duration_ms)), ...more);
}

function attemptTiming(step) {
  if (step.start_ms === null || step.start_ms === undefined) return null;
  const first = step.first_byte_ms === null ? "no answer" : `answered after ${seconds(step.first_byte_ms)}`;
  return make("small", { class: "block" }, `asked at ${seconds(step.start_ms)}, ${first}, took ${seconds(step.duration_ms)}`);
}

// What became of one request: never what was said in it.
function story(request) {
  const facts = [["Request", make("code", {}, request.id)], ["Time", request.time],
    ["Key", `${request.key} (${request.key_id}), policy ${request.policy}`],
    ["Tags", Object.entries(request.tags || {}).map(([name, value]) => `${name}: ${value}`).join(", ") || null],
    ["Session", [request.session, request.agent].filter(Boolean).join(" · ") || null], ["Dialect", request.dialect],
    ["Asked for", request.model_asked], ["Rule", request.rule || null], ["Answered by", [request.upstream, request.account, request.model].filter(Boolean).join(" / ") || null],
    ["Ended", `${request.outcome}${request.status ? ", status " + request.status : ""}`],
    ["Timing", `first byte ${request.first_byte_ms === null ? "never" : "after " + seconds(request.first_byte_ms)}, whole after ${seconds(request.duration_ms)}`],
    ["Tokens", `${whole.format(request.input)} in, ${whole.format(request.cache_read)} read from the cache, ${whole.format(request.cache_write)} written to it, `
      + `${whole.format(request.output)} out` + (request.reasoning ? ` (${whole.format(request.reasoning)} reasoning)` : "") + `; ${request.source}`],
    ["Cost", request.cost_nano === null ? "no price" : "$" + (request.cost_nano / 1e9)]];
  const steps = (request.attempts || []).map(step => make("li", {}, make("b", {}, [step.tier, step.account].filter(Boolean).join(" / ") || "–"), " ",
    step.status ? pill(String(step.status), step.status < 400 ? "good" : "bad") : null, " ", step.reason || null, attemptTiming(step)));
  return make("div", { class: "story" },
    make("dl", {}, ...facts.filter(fact => fact[1]).flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)])),
    make("h3", {}, "Attempts"), steps.length ? make("ol", {}, ...steps) : make("p", { class: "soft" }, "The first that was asked answered."));
}

const openStories = new Set();
function showRows(rows, day) {
  fill("rows", rows.flatMap(request => {
    const id = "story-" + request.id;
    const tale = make("tr", { id, hidden: !openStories.has(request.id) }, make("td", { colspan: 7 }, openStories.has(request.id) ? story(request) : null));
    const opener = button("Story", () => {
      if (openStories.has(request.id)) openStories.delete(request.id);
      else openStories.add(request.id);
      tale.hidden = !openStories.has(request.id);
      tale.children[0].replaceChildren(...(tale.hidden ? [] : [story(request)]));
      opener.setAttribute("aria-expanded", String(!tale.hidden));
    });
    opener.setAttribute("aria-expanded", String(openStories.has(request.id)));
    opener.setAttribute("aria-label", "Story of the request of " + request.time.slice(11, 19));
    return [requestRow(request, day, make("td", { class: "acts" }, opener)), tale];
  }), 7, "No request is like this.");
}
let rowsBefore = "";
function instant(id) {
  const at = $(id).value && new Date($(id).value);
  return at && !Number.isNaN(at.getTime()) ? at.toISOString() : "";
}
async function loadRequests(troubles) {
  const wanted = { key: $("filter-key").value.trim(), model: $("filter-model").value.trim(), status: $("filter-status").value.trim(),
    since: instant("filter-since"), before: rowsBefore || instant("filter-until") };
  const query = Object.entries(wanted).filter(one => one[1]).map(([name, value]) => `&${name}=${encodeURIComponent(value)}`).join("");
  return ask("requests?limit=50" + query, troubles);
}
function presentRequests(page) {
  if (page === undefined) return;
  redraw("rows", showRows, page ? page.requests : [], dayOf(page ? page.requests : []));
  $("rows-newest").hidden = !rowsBefore;
  $("rows-older").hidden = !(page && page.next);
  rowsNext = (page && page.next) || "";
}
let rowsNext = "";
$("filter").addEventListener("submit", event => {
  event.preventDefault();
  rowsBefore = "";
  attempt(refresh);
});
$("rows-older").addEventListener("click", () => { rowsBefore = rowsNext; attempt(refresh); });
$("rows-newest").addEventListener("click", () => { rowsBefore = ""; attempt(refresh); });
