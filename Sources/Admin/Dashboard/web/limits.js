const windows = { minute: "a minute", day: "today", month: "this month", total: "in all", now: "at once" };
function amounts(figure) {
  const write = figure.kind === "cost" ? usd : number;
  const word = figure.kind === "cost" ? "" : figure.kind === "concurrency" ? " requests" : " " + figure.kind;
  return `${write(figure.used)} of ${write(figure.max).replace(/\.00$/, "")}${word} ${windows[figure.window] || figure.window}`;
}
const usedShare = figure => figure.max > 0 ? (figure.used + figure.reserved) / figure.max : 1;
const full = figure => figure.remaining <= 0;
const severity = figure => full(figure) ? "low" : usedShare(figure) >= 0.8 ? "near" : "";
// A block without an end has all calendars' last year.
const blockedWords = until => until.startsWith("9999") ? "blocked" : "blocked until " + time(until).slice(5);
function stand(figure) {
  return figure.blocked_until ? pill(blockedWords(figure.blocked_until), "bad") : full(figure) ? pill("used up", "bad") : null;
}

// Of several limits, money says most, then what lasts longest; of one kind the one nearest to its end.
const kinds = ["cost", "tokens", "requests"];
function telling(figures) {
  const lasting = figures.filter(figure => kinds.includes(figure.kind) && ["day", "month", "total"].includes(figure.window));
  return lasting.sort((a, b) => kinds.indexOf(a.kind) - kinds.indexOf(b.kind) || usedShare(b) - usedShare(a))[0];
}
// nil for who has no limit that tells anything.
function budget(figures) {
  const [figure, blocked] = [telling(figures), figures.find(figure => figure.blocked_until)];
  if (!figure && !blocked) return null;
  const title = figures.map(figure => `${figure.limit}: ${amounts(figure)}`).join("\n");
  return make("span", { class: "budget", title }, figure ? meter(usedShare(figure), severity(figure), percent(usedShare(figure)) + " used") : null,
    make("small", {}, figure ? amounts(figure) : null, " ", blocked ? stand(blocked) : figure && stand(figure)));
}

// The tag that an entry of `usage_limits` has a bucket for each value of; nil for every other entry.
function tagOf(entry) {
  const found = /^key\.tags(?:\[(["'])(.+)\1\]|\.(\w+))$/.exec(entry.per || "");
  return found && (found[2] || found[3]);
}
// Whose bucket is whose: a policy's are named by the key's id, an entry's by what its `per` gives.
function standings(figures, entries) {
  const byBucket = new Map();
  for (const figure of figures) {
    if (byBucket.has(figure.bucket)) byBucket.get(figure.bucket).push(figure);
    else byBucket.set(figure.bucket, [figure]);
  }
  const named = new Set(entries.filter(entry => entry.per === "key.name").map(entry => entry.name));
  const tagged = new Map(entries.map(entry => [entry.name, tagOf(entry)]));
  return {
    ofKey: (id, name) => [...(byBucket.get(id) || []), ...(byBucket.get(name) || []).filter(figure => named.has(figure.limit) && id !== name)],
    ofTag: (tag, value) => (byBucket.get(value) || []).filter(figure => tagged.get(figure.limit) === tag),
  };
}

function showLimits(figures, who, sum) {
  const act = (figure, name, path, body, question) => button(name, () => {
    if (question && !confirm(question)) return;
    attempt(async () => {
      await call(`limits/${encodeURIComponent(figure.limit)}/${path}`, "POST", { bucket: figure.bucket, ...body });
      await refresh();
    });
  }, path === "block");
  const rows = figures.map(figure => {
    const name = figure.name || who || figure.bucket;
    const ends = figure.window === "day" || figure.window === "month" ? time(figure.resets_at) : "–";
    const acts = !mayChange() ? [] : figure.blocked_until ? [act(figure, "Let through", "unblock")] : [
      act(figure, "Block 1 h", "block", { for: "1h" }, `Refuse “${name}” for an hour, and end what it has in flight?`), " ",
      act(figure, "Block", "block", {}, `Refuse “${name}” until somebody lets it through, and end what it has in flight?`), " ",
      figure.kind === "concurrency" ? null : act(figure, "Begin anew", "reset", {}, `Count “${name}” from zero in ${figure.limit}?`)];
    return make("tr", {},
      make("th", { scope: "row" }, name, make("small", { class: "block" }, figure.limit)),
      make("td", { class: "budget" }, meter(usedShare(figure), severity(figure), percent(usedShare(figure)) + " used"),
        make("small", {}, amounts(figure), " ", stand(figure))),
      make("td", { class: "nowrap wide" }, ends), make("td", { class: "acts" }, ...acts));
  });
  fill("limits", rows, 4, who ? "This key has no limit." : "Nothing is used of any limit.");
  $("limits-sum").textContent = sum;
}
async function loadLimits(troubles) {
  const who = $("limits-key").value.trim();
  if (who) return { who, report: await ask("limits?key=" + encodeURIComponent(who), troubles) };
  const report = await seldom("limits?nearest=50", null, troubles);
  return { who: "", report };
}
function presentLimits({ who, report }) {
  if (report === undefined) return;
  const figures = report ? report.limits : [];
  const sum = who ? (report ? "" : "there is no such key") : report.used > figures.length ? `the ${figures.length} nearest to their end, of ${whole.format(report.used)}` : "";
  redraw("limits", showLimits, figures, who, sum, mayChange());
}
