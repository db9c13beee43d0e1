function tagsOf(named) {
  const all = Object.entries(named || {});
  return all.length ? make("small", { class: "block" }, all.map(([name, value]) => `${name}: ${value}`).join(" · ")) : null;
}
// `team=infra, project=atlas`; throws where it is none.
function writtenTags(text) {
  const tags = {};
  for (const part of text.split(",").map(one => one.trim()).filter(Boolean)) {
    const place = part.indexOf("=");
    if (place < 1) throw new Error(`“${part}” is no tag: write name=value, with a comma between them`);
    tags[part.slice(0, place).trim()] = part.slice(place + 1).trim();
  }
  return tags;
}
// The last second of a day, as this browser has it; null for no day.
const endOfDay = day => day ? new Date(day + "T23:59:59").toISOString().replace(/\.\d+Z$/, "Z") : null;

const isOver = key => Boolean(key.expires) && new Date(key.expires) <= new Date();
// Whose calls a key's policy can stop at once.
const isLimited = policy => Object.entries(policy || {}).some(([name, value]) => value !== null && /_per_|^budget_|^concurrent_/.test(name));
function showKeys(keys, policies, changes) {
  const attemptCall = work => attempt(async () => { await work(); await refresh(); });
  const at = key => "keys/" + encodeURIComponent(key.id);
  const acts = key => [
    button(key.enabled ? "Disable" : "Enable", () => attemptCall(() => call(at(key) + (key.enabled ? "/disable" : "/enable"), "POST"))), " ",
    isLimited(policies[key.policy]) ? button("Block", () => {
      if (!confirm(`Refuse “${key.name}” until somebody lets it through, and end what it has in flight? Limits lets it through again.`)) return;
      attemptCall(async () => {
        await call(`limits/${encodeURIComponent(key.policy)}/block`, "POST", { bucket: key.id });
        say(`“${key.name}” is blocked; Limits lets it through again.`, "good");
      });
    }) : null, " ",
    // What the file declares is changed there.
    ...(key.origin === "declared" ? [make("small", {}, "in the file")] : [
      button("Change", () => editKey(key)), " ",
      button("Rotate", () => {
        if (!confirm(`Make a new key for “${key.name}”? The old one opens for another 24 hours.`)) return;
        attemptCall(async () => showFresh(await call(at(key) + "/rotate", "POST", { overlap: "24h" }), `The new key of “${key.name}”.`));
      }), " ",
      button("Delete", () => {
        if (!confirm(`Delete the key “${key.name}”? Whoever uses it is locked out at once.`)) return;
        attemptCall(() => call(at(key), "DELETE"));
      }, true)])];
  fill("keys", keys.map(key => make("tr", { class: key.enabled && !isOver(key) ? "" : "off" },
    make("th", { scope: "row" }, key.name, ...(!key.enabled ? [" ", pill("disabled", "warn")] : isOver(key) ? [" ", pill("expired", "warn")] : []),
      tagsOf(key.tags), key.expires ? make("small", { class: "block" }, (isOver(key) ? "ended " : "ends ") + time(key.expires)) : null,
      key.old_key_until ? make("small", { class: "block" }, "its old key opens until " + time(key.old_key_until)) : null,
      under(key.policy, " · ", time(key.last_used))),
    wide(make("code", { class: "nowrap" }, key.key || "–")), wide(key.policy), count(key.total_requests),
    make("td", { class: "num wide" }, key.cost_usd === null ? make("span", { class: "soft" }, "no price") : usd(key.cost_usd)),
    make("td", { class: "nowrap wide" }, time(key.last_used)),
    make("td", { class: "acts" }, ...(changes ? acts(key) : [])))), 7,
    $("find").value.trim() ? "No key is like this." : "There is no key yet.");
}

// The `before` of each page up to this one; the first has none.
let keyPages = [""];
let nextKeys = "";
async function loadKeys(troubles) {
  const before = keyPages[keyPages.length - 1];
  const [page, config] = await Promise.all([
    ask(`keys?limit=50&q=${encodeURIComponent($("find").value.trim())}` + (before ? "&before=" + encodeURIComponent(before) : ""), troubles), running(troubles),
  ]);
  return { page, config };
}
function presentKeys({ page, config }) {
  $("create-card").hidden = !mayChange();
  const policies = (config && config.config.policies) || {};
  redraw("policies", showPolicies, Object.keys(policies).length ? Object.keys(policies) : ["default"]);
  panel("keys-card", (page, ...more) => {
    showKeys(page.keys, ...more);
    const all = whole.format(page.total);
    $("keys-sum").textContent = page.total > page.keys.length
      ? `${whole.format((keyPages.length - 1) * 50 + 1)} to ${whole.format((keyPages.length - 1) * 50 + page.keys.length)} of ${all}, the newest first` : all;
    $("find-row").hidden = page.total <= 10 && $("find").value.trim() === "" && keyPages.length === 1;
  }, page, policies, mayChange());
  if (!page) return;
  nextKeys = page.next || "";
  $("more-keys").hidden = !nextKeys;
  $("keys-newer").hidden = keyPages.length < 2;
}
function showPolicies(names) {
  for (const id of ["key-policy", "edit-policy"]) {
    const chosen = $(id).value;
    $(id).replaceChildren(...names.map(name => make("option", { value: name }, name)));
    $(id).value = names.includes(chosen) ? chosen : names.includes("default") ? "default" : names[0];
  }
}
function showFresh(made, title) {
  $("fresh-title").textContent = title + " It is shown this once; copy it now.";
  $("fresh-key").textContent = made.api_key;
  $("fresh").hidden = false;
}
function dropFresh() {
  $("fresh").hidden = true;
  $("fresh-key").textContent = "";
}
let edited = null;
function editKey(key) {
  edited = key;
  $("edit-name").textContent = key.name;
  $("edit-new-name").value = key.name;
  $("edit-policy").value = key.policy;
  $("edit-tags").value = Object.entries(key.tags || {}).map(([name, value]) => `${name}=${value}`).join(", ");
  $("edit-expires").value = key.expires ? key.expires.slice(0, 10) : "";
  $("edit-card").hidden = false;
  $("edit-new-name").focus();
}
$("create").addEventListener("submit", event => {
  event.preventDefault();
  attempt(async () => {
    const wanted = { name: $("key-name").value, policy: $("key-policy").value };
    const [tags, expires] = [writtenTags($("key-tags").value), endOfDay($("key-expires").value)];
    if (Object.keys(tags).length) wanted.tags = tags;
    if (expires) wanted.expires = expires;
    showFresh(await call("keys", "POST", wanted), `The key of “${wanted.name}”.`);
    for (const id of ["key-name", "key-tags", "key-expires"]) $(id).value = "";
    keyPages = [""];
    await refresh();
  });
});
$("edit").addEventListener("submit", event => {
  event.preventDefault();
  attempt(async () => {
    const [changes, day] = [{ name: $("edit-new-name").value, policy: $("edit-policy").value, tags: writtenTags($("edit-tags").value) }, $("edit-expires").value];
    if (day !== (edited.expires || "").slice(0, 10)) changes.expires = endOfDay(day);
    await call("keys/" + encodeURIComponent(edited.id), "PATCH", changes);
    $("edit-card").hidden = true;
    say(`“${changes.name}” is changed.`, "good");
    await refresh();
  });
});
$("edit-cancel").addEventListener("click", () => { $("edit-card").hidden = true; });
$("fresh-done").addEventListener("click", dropFresh);
$("copy").addEventListener("click", () => {
  const text = $("fresh-key").textContent;
  // Without TLS there is no clipboard; a selected key is one keystroke away.
  if (navigator.clipboard) navigator.clipboard.writeText(text).then(() => say("Copied.", "good"), () => {});
  else getSelection().selectAllChildren($("fresh-key"));
});
let findTimer;
for (const id of ["find", "limits-key"]) $(id).addEventListener("input", () => {
  clearTimeout(findTimer);
  findTimer = setTimeout(() => { keyPages = [""]; attempt(refresh); }, 250);
});
$("more-keys").addEventListener("click", () => { keyPages.push(nextKeys); attempt(refresh); });
$("keys-newer").addEventListener("click", () => { keyPages.pop(); attempt(refresh); });
