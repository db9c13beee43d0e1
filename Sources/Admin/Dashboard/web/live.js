// What happens now: the last minute in figures, the last hour minute by minute.
const tokensWithin = part => part.input + part.output;
function showLive(live) {
  const last = live.last_minute;
  const tile = (name, value, detail, kind) => make("div", { class: "tile" }, make("small", {}, name), make("b", { class: kind }, value),
    detail ? make("small", { class: "block" }, detail) : null);
  const share = last.requests ? percent(last.errors / last.requests) + " of all" : null;
  $("live-tiles").replaceChildren(
    tile("Requests a minute", number(last.requests), `${number(live.active_requests)} in flight, ${counted(live.open_connections, "connection")}`),
    tile("Errors a minute", number(last.errors), [share, last.refused ? number(last.refused) + " refused" : null].filter(Boolean).join(" · "), last.errors ? "alarm" : null),
    tile("First byte", seconds(last.first_byte_p50_ms), last.first_byte_p95_ms === null ? null : "95% within " + seconds(last.first_byte_p95_ms)),
    tile("Tokens a minute", number(tokensWithin(last)), `${number(last.input)} in, ${number(last.output)} out`),
    tile("Money a minute", fineUsd(last.cost_usd), last.cost_usd && last.requests ? fineUsd(last.cost_usd / last.requests) + " a request" : null));
}
function showHour(minutes) {
  const total = read => minutes.reduce((sum, minute) => sum + (read(minute) || 0), 0);
  const most = read => Math.max(...minutes.map(minute => read(minute) || 0));
  const [requests, errors, refused] = [total(minute => minute.requests), total(minute => minute.errors), total(minute => minute.refused)];
  $("live-requests").textContent = [`${number(requests)} in the hour`, refused ? `${number(refused)} refused` : null, counted(errors, "error")].filter(Boolean).join(", ");
  bars("chart-requests", minutes, `Requests a minute in the last hour: ${number(requests)} in all, at most ${number(most(minute => minute.requests))} in one; ${number(refused)} refused, ${counted(errors, "error")}`,
    { kind: "s0", read: minute => minute.requests - minute.errors - minute.refused }, { kind: "refused", read: minute => minute.refused },
    { kind: "error", read: minute => minute.errors });
  const slowest = most(minute => minute.first_byte_p95_ms);
  $("live-first-byte").textContent = slowest ? `95% within ${seconds(slowest)} at most` : "nothing was asked";
  bars("chart-first-byte", minutes, `Time to the first byte in the last hour: 95% within ${seconds(slowest)} in the slowest minute`,
    { kind: "s2", read: minute => minute.first_byte_p50_ms },
    { kind: "s5", read: minute => (minute.first_byte_p95_ms || 0) - (minute.first_byte_p50_ms || 0) });
  $("live-tokens").textContent = number(total(tokensWithin)) + " in the hour";
  bars("chart-tokens-live", minutes, `Tokens a minute in the last hour: ${number(total(tokensWithin))} in all, at most ${number(most(tokensWithin))} in one`,
    { kind: "s1", read: minute => minute.input }, { kind: "s3", read: minute => minute.output });
  const spent = total(minute => minute.cost_usd);
  $("live-money").textContent = fineUsd(spent) + " in the hour";
  bars("chart-money", minutes, `Money a minute in the last hour: ${fineUsd(spent)} in all`, { kind: "s4", read: minute => minute.cost_usd });
  if ($("live-details").open) showHourTable(minutes);
  hourShown = minutes;
}
let hourShown = [];
function showHourTable(minutes) {
  const used = [...minutes].reverse().filter(minute => minute.requests);
  fill("live-table", used.map(minute => make("tr", {}, make("th", { scope: "row" }, minute.time.slice(11, 16)),
    make("td", { class: "num" }, number(minute.requests)), make("td", { class: "num" }, number(minute.errors)), make("td", { class: "num wide" }, number(minute.refused)),
    make("td", { class: "num wide" }, seconds(minute.first_byte_p50_ms)), make("td", { class: "num wide" }, seconds(minute.first_byte_p95_ms)),
    make("td", { class: "num wide" }, number(tokensWithin(minute))), make("td", { class: "num" }, fineUsd(minute.cost_usd)))), 8,
    "Nothing was asked within the last hour.");
}
async function loadNow(troubles) {
  const [live, latest] = await Promise.all([ask("now", troubles), ask("requests?limit=12", troubles)]);
  return { live, latest: latest && latest.requests };
}
function presentNow({ live, latest }) {
  if (live) {
    redraw("live", showLive, { ...live, minutes: undefined, now: undefined });
    redraw("hour", showHour, live.minutes);
    today(live.minutes.length ? live.minutes[live.minutes.length - 1].time : "");
  }
  panel("latest-card", rows => fill("latest", rows.map(request => requestRow(request, dayOf(rows))), 6, "No request has reached an upstream yet."), latest);
}
