// What runs, asked again when its generation is another; "" until one is known.
let generation = "";
const running = troubles => seldom("config", generation, troubles);

function problem(diagnostic) {
  return make("div", { class: "problem " + (diagnostic.severity === "warning" ? "warn" : "bad") }, make("code", {}, diagnostic.text),
    diagnostic.excerpt ? make("pre", { tabindex: "0" }, diagnostic.excerpt) : null);
}
function change(one) {
  return make("li", {}, make("code", {}, one.path), " ",
    one.old === null ? make("ins", {}, one.new) : one.new === null ? make("del", {}, one.old) : make("span", {}, make("del", {}, one.old), " → ", make("ins", {}, one.new)));
}
function showHistory(history) {
  const kinds = { applied: "good", refused: "bad", started: "" };
  $("history").replaceChildren(...history.slice(0, 20).map((event, place) => {
    const shown = event.changes.slice(0, 50);
    const more = event.changes.length - shown.length;
    const list = shown.length ? make("ul", { class: "changes" }, ...shown.map(change), more > 0 ? make("li", {}, `and ${whole.format(more)} more`) : null) : null;
    const title = make("span", {}, time(event.time), " ", pill(event.result, kinds[event.result]), ` generation ${event.generation}`,
      event.trigger ? make("small", {}, " by " + event.trigger) : null, event.summary ? make("span", { class: "block" }, event.summary) : null);
    const details = list && make("details", { open: place === 0 }, make("summary", {}, counted(event.changes.length, "value")), list);
    return make("li", {}, title, details, ...event.errors.map(problem));
  }));
}
function showConfiguration(config, history) {
  const refused = history && history[0] && history[0].result === "refused" ? history[0].errors : [];
  const told = refused.length ? refused : config.diagnostics.length ? config.diagnostics : config.error ? [config.error] : [];
  $("problems").replaceChildren(
    told.length ? make("p", { class: "bad block" }, "The file is refused; what ran before goes on.") : "", ...[...told, ...config.warnings].map(problem));
  const facts = [["Generation", config.generation], ["Loaded", time(config.loaded_at)], ["Hash", make("code", {}, config.hash)],
    ["Time zone", config.config.timezone]];
  $("configuration").replaceChildren(...facts.flatMap(([name, value]) =>
    [make("dt", {}, name), make("dd", {}, value instanceof Node ? value : String(value))]));
  shownConfig = config.config;
  if ($("running-details").open) showRunning();
}
let shownConfig = null;
function showRunning() {
  const text = JSON.stringify(shownConfig, null, 2);
  $("running").textContent = text.length > 100000 ? text.slice(0, 100000) + "\n… the rest is at GET /admin/config" : text;
}
async function loadConfiguration(troubles) {
  const [config, history, nodes] = await Promise.all([ask("config", troubles), ask("config/history", troubles), ask("nodes", troubles)]);
  return { config, history: history && history.history, nodes };
}
function presentConfiguration({ config, history, nodes }) {
  presentNodes(nodes);
  $("reload").hidden = !mayChange();
  panel("configuration-card", showConfiguration, config && { ...config, now: undefined }, history || []);
  panel("history-card", showHistory, history);
}
$("running-details").addEventListener("toggle", () => { if ($("running-details").open && shownConfig) showRunning(); });
$("reload").addEventListener("click", () => attempt(async () => {
  try {
    const result = await call("reload", "POST");
    say(result.changed ? "Generation " + result.generation + (result.changes ? ": " + result.changes : "") + "." : "The file is what runs already.", "good");
  } catch (failure) {
    if (failure.status !== 422) throw failure;
    say(failure.message, "bad");
  }
  await refresh();
}));
