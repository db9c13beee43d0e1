const truth = value => value === true ? pill("true", "good") : value === false ? pill("false", "") : pill("not looked at", "");
function explainedRule(rule) {
  const matches = rule.matches === undefined ? rule.outcome === "matched" : rule.matches;
  const why = rule.outcome && rule.outcome !== "matched" && rule.outcome !== "not_tried" ? rule.outcome.replaceAll("_", " ") : null;
  const condition = rule.when || null;
  const parts = condition && condition.parts ? condition.parts : [];
  return make("li", {}, make("b", {}, rule.name || "–"), " ", matches === true ? pill("matches", "good") : matches === false ? pill("does not match", "") : pill("not tried", ""),
    why || rule.reason ? make("small", { class: "block" }, [why, rule.reason].filter(Boolean).join(": ")) : null,
    rule.models && rule.models.length ? make("small", { class: "block" }, "models " + rule.models.slice(0, 10).join(", ")) : null,
    condition ? make("div", {}, make("code", {}, condition.text), " ", truth(condition.value)) : null,
    parts.length > 1 ? make("ul", {}, ...parts.map(part => make("li", {}, make("code", {}, part.text), " ",
      typeof part.value === "boolean" ? truth(part.value) : make("code", {}, part.error || JSON.stringify(part.value))))) : null);
}
function explainedTier(tier) {
  const accounts = (tier.accounts || (tier.targets || []).flatMap(target => target.accounts || []));
  return make("li", {}, make("b", {}, tier.tier || tier.name || "–"), " ", [tier.upstream, tier.model].filter(Boolean).join(" / "), " ",
    tier.available ? pill("available", "good") : pill("passed over", "bad"), tier.obstacle ? make("small", { class: "block" }, tier.obstacle) : null,
    accounts.length ? make("ul", {}, ...accounts.map(account => make("li", {}, account.account || account.name, " ", pill(String(account.state || "").replaceAll("_", " "), stateKinds[account.state] || ""),
      account.share !== null && account.share !== undefined ? ` ${percent(account.share)} left` : null, account.chosen ? pill("chosen", "good") : null,
      account.because || account.reason ? make("small", { class: "block" }, account.because || account.reason) : null))) : null);
}
function explainedLimit(limit) {
  const amount = limit.kind === "cost" ? usd : number;
  if (limit.error) return make("li", {}, limit.limit, " ", pill("cannot be computed", "bad"), make("small", { class: "block" }, limit.error));
  return make("li", {}, limit.limit, ` (${limit.bucket}): ${amount(limit.used)} of ${amount(limit.max)}`, " ", limit.fits ? pill("fits", "good") : pill("used up", "bad"));
}
function explained(told) {
  const decision = typeof told.decision === "string" ? told : { ...told.decision, decision: told.decision.action };
  const words = { route: "goes on", reject: "is rejected by a rule", refuse: "is refused", refused: "is refused", no_match: "no rule is for it" };
  const first = (told.attempts || [])[0];
  const kind = decision.decision === "route" ? "good" : "bad";
  const part = (title, items) => items && items.length ? make("section", {}, make("h3", {}, title), make("ol", {}, ...items)) : null;
  return make("div", {},
    make("p", {}, pill(String(decision.decision), kind), " The request ", words[decision.decision] || "is decided", decision.rule ? ` by the rule “${decision.rule}”` : "",
      first ? `, first to ${first.upstream} / ${first.account}, model ${first.model}` : "", decision.status ? `; status ${decision.status}` : "", "."),
    decision.message ? make("p", {}, decision.message) : null,
    ...(told.notes || []).map(note => make("p", { class: "soft" }, note)),
    told.admission && !told.admission.allowed ? make("p", {}, told.admission.reason || "the key is not admitted") : null,
    part("Rules", (told.rules || []).map(explainedRule)), part("Limits", (told.limits || []).map(explainedLimit)), part("Tiers", (told.tiers || []).map(explainedTier)),
    make("details", {}, make("summary", {}, "The whole answer"), make("pre", { tabindex: "0" }, JSON.stringify(told, null, 2))));
}
$("describe").addEventListener("submit", event => {
  event.preventDefault();
  attempt(async () => {
    const written = name => $("explain-" + name).value.trim();
    const request = {};
    if ($("explain-dialect").value) request.dialect = $("explain-dialect").value;
    if (written("model")) request.model = written("model");
    if ($("explain-tools").checked) request.has_tools = true;
    if ($("explain-images").checked) request.has_images = true;
    if (written("tokens")) request.input_tokens = Number(written("tokens"));
    const headers = written("headers").split("\n").map(line => line.split(/:(.*)/s)).filter(parts => parts[0].trim());
    if (headers.length) request.headers = Object.fromEntries(headers.map(parts => [parts[0].trim(), (parts[1] || "").trim()]));
    const asked = { request };
    if (written("key")) asked.key = written("key");
    if (written("at")) asked.at = written("at");
    if (written("quota")) asked.quota = written("quota").split(",").map(text => text.trim()).filter(text => text);
    if (written("body")) asked.body = written("body");
    $("explained").replaceChildren(explained(await call("explain", "POST", asked)));
  });
});
