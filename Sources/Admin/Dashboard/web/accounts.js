const stateKinds = { ready: "good", cooling: "warn", out_of_quota: "warn", failing: "bad", refused: "bad", out_of_money: "bad", drained: "" };
// How long it is from now: `in 12 min`, `in 2 h`, `in 3 days`.
function away(text) {
  const minutes = Math.ceil((Date.parse(text) - Date.now()) / 60000);
  if (minutes < 1) return "now";
  if (minutes < 120) return `in ${minutes} min`;
  return minutes < 2880 ? `in ${Math.floor(minutes / 60)} h` : `in ${Math.floor(minutes / 1440)} days`;
}
const windowsShown = 5;
function leftOf(window) {
  const ofModels = !window.models.length || window.models[0] === "*" ? null : window.models[0] + (window.models.length > 1 ? ` and ${window.models.length - 1} more` : "");
  const isKnown = window.share !== null;
  const amount = window.kind === "cost" ? usd : number;
  const numbers = window.limit !== null && window.remaining !== null ? `${amount(window.remaining)} of ${amount(window.limit)}` : null;
  const ends = window.resets_at ? "full " + away(window.resets_at) : null;
  const forecast = window.runs_out_at ? make("span", { class: "unpriced" }, "runs out " + away(window.runs_out_at)) : null;
  const title = "known from: " + window.source + (window.resets_at ? ", full at " + time(window.resets_at) : "");
  const kind = !isKnown ? "none" : window.share < 0.05 ? "low" : window.share < 0.2 ? "near" : "left";
  const facts = [ofModels, numbers, ends].filter(Boolean).join(" · ");
  return make("div", { class: "window", title }, make("span", {}, window.kind),
    meter(isKnown ? window.share : 0, kind, `${window.kind}: ${isKnown ? percent(window.share) + " left" : "unknown"}`),
    make("span", { class: "num" }, isKnown ? percent(window.share) : "–"),
    facts || forecast ? make("small", {}, facts, facts && forecast ? " · " : null, forecast) : null);
}
function windowsOf(account) {
  const sorted = [...account.windows].sort((a, b) => (a.share ?? 2) - (b.share ?? 2));
  const more = sorted.length - windowsShown + (account.more_windows || 0);
  const lines = sorted.slice(0, windowsShown).map(leftOf);
  return lines.length ? [...lines, more > 0 ? make("small", {}, `and ${whole.format(more)} more`) : null]
    : [make("small", {}, "nothing is told")];
}
function whyOf(account) {
  const ends = account.until ? ` until ${time(account.until).slice(5)}` : "";
  if (account.reason) return make("small", { class: "block" }, account.reason, ends);
  return ends ? make("small", { class: "block" }, ends.trim()) : null;
}
function restsOf(account) {
  const shown = account.cooldowns.slice(0, 3).map(rest => `${rest.model} until ${time(rest.until).slice(11)} (${rest.reason})`);
  const more = account.cooldowns.length - shown.length + (account.more_cooldowns || 0);
  return shown.length ? make("small", { class: "block" }, shown.join(", ") + (more > 0 ? `, and ${whole.format(more)} more` : "")) : null;
}
function lastOf(account) {
  const last = account.last_error;
  return last ? make("small", { class: "block" }, `last failure ${time(last.at).slice(5)}: ${last.reason}`) : null;
}
function showAccounts(list) {
  const act = (account, name, path) => button(name, () => {
    if (path === "drain" && !confirm(`Take no new requests to “${account.account}” of ${account.upstream}?`)) return;
    const place = `accounts/${encodeURIComponent(account.upstream)}/${encodeURIComponent(account.account)}/`;
    attempt(async () => { await call(place + path, "POST"); await refresh(); });
  });
  fill("accounts", list.map(account => {
    const served = account.success_rate === null ? null : make("small", { class: "block" }, percent(account.success_rate) + " served");
    return make("tr", {},
      make("th", { scope: "row" }, account.account, make("small", { class: "block" }, account.upstream),
        under(`${number(account.in_flight)} in flight · ${counted(account.failures, "failure")}`)),
      cell(pill(account.state.replaceAll("_", " "), stateKinds[account.state] || ""), whyOf(account), restsOf(account), lastOf(account)),
      make("td", { class: "left" }, ...windowsOf(account)),
      count(account.in_flight), make("td", { class: "num wide" }, number(account.failures), served),
      make("td", { class: "acts" }, ...(!mayChange() ? [] : [account.state === "ready" ? null : act(account, "Free", "free"), " ",
        account.state === "drained" ? null : act(account, "Drain", "drain")])));
  }), 6, "No upstream is configured.");
}

function quota(target) {
  const share = parseFloat(target.remaining);
  if (Number.isNaN(share)) return make("span", { class: "meter none" });
  return meter(share / 100, share < parseFloat(target.threshold) ? "low" : "left", target.remaining + " left");
}
function showFallback(report) {
  $("polled").textContent = report.last_health_poll ? "quota asked " + time(report.last_health_poll)
    : report.enabled ? "" : "switched off";
  const rules = report.rules.filter(rule => rule.tiers.length);
  $("rules").replaceChildren(...rules.flatMap(rule => [
    make("h3", {}, rule.name, rule.enabled ? null : make("small", {}, " fallback off")),
    make("ol", { class: "tiers" }, ...rule.tiers.map((tier, place) => {
      const lead = tier.targets.find(target => target.available) || tier.targets[0] || { remaining: "unknown" };
      const why = tier.available ? null : (lead.obstacle || "not available");
      const several = tier.targets.length > 1 ? tier.choose.replace("_", " ") + " among " + tier.targets.length : null;
      return make("li", {}, make("span", { class: "place" }, place + 1 + "."),
        make("span", { class: "name" }, tier.name, make("small", {}, [tier.type, several, why].filter(Boolean).join(" · "))),
        quota(lead), make("span", { class: "share" }, tier.remaining === "unknown" ? "–" : tier.remaining),
        make("span", { class: "mark" }, tier.available ? pill("available", "good") : pill("passed over", "bad")));
    })),
  ]));
  if (!rules.length) $("rules").replaceChildren(make("p", { class: "soft" }, "No rule leads to an upstream."));
}

const loadAccounts = troubles => ask("fallback", troubles);
function presentAccounts(fallback) {
  // An age grows all the time; what is counted down is drawn anew once a minute.
  const ageless = account => ({ ...account, windows: account.windows.map(window => ({ ...window, age_s: undefined })) });
  panel("fallback-card", showFallback, fallback && { ...fallback, accounts: undefined, upstreams: undefined });
  panel("accounts-card", showAccounts, fallback && fallback.accounts.map(ageless), Math.floor(Date.now() / 60000), mayChange());
}
