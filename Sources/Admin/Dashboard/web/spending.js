const plain = { requests: 0, tokens: 0, cost: 0, unpriced: 0, counted: 0 };
const sumUp = rows => rows.reduce((sum, row) => ({
  requests: sum.requests + row.requests,
  tokens: sum.tokens + row.input + row.cache_read + row.cache_write + row.output,
  cost: sum.cost + row.cost_usd,
  unpriced: sum.unpriced + (row.unpriced_requests || 0),
  counted: sum.counted + (row.counted_requests || 0),
}), plain);
function grouped(rows, member) {
  const groups = new Map();
  for (const row of rows) {
    const name = String(row[member]);
    if (groups.has(name)) groups.get(name).push(row);
    else groups.set(name, [row]);
  }
  return groups;
}
// By money; where nothing has a price, by tokens.
const measure = rows => rows.some(row => row.cost_usd > 0) ? sum => sum.cost : sum => sum.tokens;
// The biggest of the month first: `{ id, rows, month, today }`.
function ranked(monthRows, todayRows, member) {
  const [months, todays, size] = [grouped(monthRows, member), grouped(todayRows, member), measure(monthRows)];
  return [...new Set([...months.keys(), ...todays.keys()])].map(id => ({
    id, rows: months.get(id) || todays.get(id), month: sumUp(months.get(id) || todays.get(id)), today: sumUp(todays.get(id) || []),
  })).sort((a, b) => size(b.month) - size(a.month) || b.month.tokens - a.month.tokens);
}

const priceless = sum => `${counted(sum.unpriced, "request")} of ${sum.unpriced === 1 ? "a model" : "models"} without a price`;
function money(sum) {
  const hasNone = sum.unpriced > 0 && sum.unpriced >= sum.requests;
  const details = [`${whole.format(sum.requests)} requests, ${whole.format(sum.tokens)} tokens`,
    sum.unpriced ? priceless(sum) : null, sum.counted ? `${whole.format(sum.counted)} counted, not told by the upstream` : null];
  return make("td", { class: "num", title: details.filter(Boolean).join("\n") },
    hasNone ? make("span", { class: "soft" }, "no price") : sum.requests ? usd(sum.cost) : make("span", { class: "soft" }, "–"),
    sum.unpriced && !hasNone ? make("small", { class: "block" }, "+ " + whole.format(sum.unpriced) + " unpriced") : null);
}
function shareCell(sum, total, size) {
  const share = size(total) ? size(sum) / size(total) : 0;
  return make("td", { class: "share wide" }, meter(share, "part", percent(share) + " of the month"), make("small", {}, percent(share)));
}

function showTotals(usage, days, before, today) {
  const tile = (name, value, ...lines) => make("div", { class: "tile" }, make("small", {}, name), make("b", {}, value),
    ...lines.filter(Boolean).map(line => line instanceof Node ? line : make("small", { class: "block" }, line)));
  const spent = (name, sum, ...more) => tile(name,
    sum.unpriced && sum.unpriced >= sum.requests ? "no price" : usd(sum.cost),
    `${counted(sum.tokens, "token")} · ${counted(sum.requests, "request")}`,
    sum.unpriced ? make("small", { class: "block unpriced" },
      (sum.unpriced < sum.requests ? "and " : "") + priceless(sum)) : null, ...more);
  const tiles = [];
  if (days) {
    tiles.push(spent("Spent today", sumUp(days.filter(row => row.day === today))), spent("Spent in " + month(today), sumUp(days)));
    if (before) tiles.push(spent(month(before.day) + ", all of it", sumUp(before.rows)));
  }
  const all = usage.total_input_tokens + usage.total_output_tokens;
  const sums = `${counted(all, "token")} · ${counted(usage.total_requests, "request")}`;
  const cost = usage.total_cost_usd;
  tiles.push(tile("Since the beginning", cost === undefined ? number(all) : cost === null ? "no price" : usd(cost),
    make("small", { class: "block", title: `${whole.format(usage.total_input_tokens)} input, ${whole.format(usage.total_output_tokens)} output` }, sums),
    usage.unpriced_requests ? make("small", { class: "block unpriced" },
      (cost === null ? "" : "and ") + priceless({ unpriced: usage.unpriced_requests })) : null,
    `${whole.format(usage.active_keys)} of ${counted(usage.total_keys, "key")} in use`));
  $("totals").replaceChildren(...tiles);
}

function niceTop(value) {
  const unit = 10 ** Math.floor(Math.log10(value));
  return [1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10].map(step => step * unit).find(step => step >= value) || value;
}
function daysOfMonth(today) {
  const [year, number] = today.split("-").map(Number);
  const length = new Date(Date.UTC(year, number, 0)).getUTCDate();
  return Array.from({ length }, (_, day) => today.slice(0, 8) + String(day + 1).padStart(2, "0"));
}
// So many models have a colour of their own.
const colours = 5;
const colour = place => "s" + Math.min(place, colours);

// What the chart shows of a day: "cost" or "tokens". nil until somebody chose.
let chartOf = null;
function showDays(rows, today) {
  const kind = chartOf || (rows.length && !rows.some(row => row.cost_usd > 0) ? "tokens" : "cost");
  for (const [id, name] of [["chart-cost", "cost"], ["chart-tokens", "tokens"]]) $(id).setAttribute("aria-pressed", String(name === kind));
  const write = kind === "cost" ? usd : number;
  const axis = value => kind === "cost" ? (value < 1000 ? usd(value).replace(/\.00$/, "") : shortDollars.format(value)) : short.format(value);
  const places = new Map(ranked(rows, [], "model").map((model, place) => [model.id, place]));
  const byDay = grouped(rows, "day");
  const shown = daysOfMonth(today).map(day => {
    const models = ranked(byDay.get(day) || [], [], "model").map(model => ({ ...model, place: places.get(model.id), size: model.month[kind] }));
    return { day, sum: sumUp(byDay.get(day) || []), models: models.sort((a, b) => a.place - b.place) };
  });
  const [width, height, left, bottom] = [Math.max(280, $("chart").clientWidth), 190, 46, 22];
  const most = Math.max(...shown.map(day => day.sum[kind]));
  const top = niceTop(most > 0 ? most : 1);
  const [scale, step] = [(height - bottom - 10) / top, (width - left) / shown.length];
  const best = shown.find(day => day.sum[kind] === most);
  const chart = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label":
    `${kind === "cost" ? "Spend" : "Tokens"} by day in ${month(today)}: ${write(sumUp(rows)[kind])} in all`
      + (most > 0 ? `, most on day ${Number(best.day.slice(8))}: ${write(most)}` : "") });
  for (const part of [0, 0.5, 1]) {
    const y = height - bottom - part * top * scale;
    const label = draw("text", { x: left - 8, y: y + 4, "text-anchor": "end" });
    label.textContent = axis(part * top);
    chart.append(draw("line", { x1: left, x2: width, y1: y, y2: y, class: "grid" }), label);
  }
  const stride = [1, 2, 5, 10].find(days => days * step >= 24) || 10;
  shown.forEach((day, index) => {
    const x = left + index * step;
    const title = draw("title", {});
    const told = day.models.filter(model => model.size > 0).map(model => `\n${model.id || "unknown"}: ${write(model.size)}`);
    title.textContent = `${day.day}\n${usd(day.sum.cost)}, ${counted(day.sum.tokens, "token")}, ${counted(day.sum.requests, "request")}`
      + (day.sum.unpriced ? "\n" + priceless(day.sum) : "") + told.join("");
    const group = draw("g", {}, title, draw("rect", { x, width: step, y: 0, height: height - bottom, class: "hit" }));
    let y = height - bottom;
    for (const model of day.models.filter(model => model.size > 0)) {
      y -= model.size * scale;
      group.append(draw("rect", { x: x + step * 0.15, width: step * 0.7, y, height: model.size * scale, class: colour(model.place) }));
    }
    const number = index + 1;
    if (number === 1 || number % stride === (stride === 2 ? 1 : 0)) {
      const label = draw("text", { x: Math.min(x + step / 2, width - 8), y: height - 5, "text-anchor": "middle", class: day.day === today ? "now" : "" });
      label.textContent = number;
      group.append(label);
    }
    chart.append(group);
  });
  $("chart").replaceChildren(chart);
  daysShown = shown;
  if ($("days-details").open) showDaysTable();
  const named = [...places].slice(0, colours).map(([model, place]) => [model || "unknown", colour(place)]);
  if (places.size > colours) named.push(["others", colour(colours)]);
  $("legend").replaceChildren(...named.map(([model, kind]) => make("span", {}, make("i", { class: kind }), model)));
}

let daysShown = [];
function showDaysTable() {
  fill("days", daysShown.filter(day => day.sum.requests).reverse().map(day => make("tr", {}, make("th", { scope: "row" }, day.day),
    make("td", { class: "num" }, usd(day.sum.cost)), count(day.sum.tokens), count(day.sum.requests))), 4, "Nothing was spent this month.");
}
$("days-details").addEventListener("toggle", () => { if ($("days-details").open) showDaysTable(); });

// So many rows of a table say who matters.
const longest = 15;
// What is in no row: `{ groups, requests, … }` of the report, and of today what the sum leaves.
function rest(others, word, todaySum, shownToday) {
  if (!others || !others.groups) return [];
  const month = sumUp([others]);
  const left = Math.max(0, todaySum.cost - shownToday.reduce((sum, entry) => sum + entry.today.cost, 0));
  return [make("tr", { class: "soft" }, make("th", { scope: "row" }, counted(others.groups, "more " + word)), make("td", { class: "num" }, usd(left)),
    make("td", { class: "num" }, usd(month.cost)), make("td", { colspan: 4, class: "wide" }))];
}
const withOthers = report => sumUp(report.others && report.others.groups ? [...report.rows, report.others] : report.rows);
function showWho(months, todays, todaySum, limitFigures, entries) {
  const standing = standings(limitFigures, entries);
  const all = ranked(months.rows, todays.rows, "key_id").slice(0, longest);
  const [total, size] = [withOthers(months), measure(months.rows)];
  fill("who", [...all.map(entry => {
    const name = entry.rows[0].key || entry.id;
    const figures = standing.ofKey(entry.id, name);
    return make("tr", {}, make("th", { scope: "row" }, name, under(budget(figures))), money(entry.today), money(entry.month),
      shareCell(entry.month, total, size), count(entry.month.tokens), count(entry.month.requests), wide(budget(figures) || "–"));
  }), ...rest(months.others, "key", todaySum, all)], 7, "Nobody has used a model this month.");
}
function showModels(rows, today) {
  const every = ranked(rows, rows.filter(row => row.day === today), "model");
  const [all, hidden] = [every.slice(0, longest), every.slice(longest)];
  const [total, size] = [sumUp(rows), measure(rows)];
  const others = hidden.flatMap(entry => entry.rows).reduce((sum, row) => {
    for (const name of ["requests", "input", "output", "cache_read", "cache_write", "cost_usd"]) sum[name] = (sum[name] || 0) + row[name];
    return sum;
  }, { groups: hidden.length });
  fill("models", [...all.map((entry, place) => make("tr", {},
    make("th", { scope: "row" }, make("i", { class: "dot " + colour(place) }), entry.id || "unknown"),
    money(entry.today), money(entry.month), shareCell(entry.month, total, size))),
    ...rest(others, "model", sumUp(rows.filter(row => row.day === today)), all)], 4, "No model was used this month.");
}

// The tag that is shown; "" for the first one there is.
let tagChosen = "";
// The tags that keys have: those that a limit goes by first, then those that most keys have.
function tagNames(names, entries) {
  const limited = new Set(entries.map(tagOf));
  // A comma stands between groups: by a tag that has one in its name nothing can be asked.
  return names.filter(tag => !tag.includes(",")).map((tag, place) => ({ tag, place }))
    .sort((a, b) => limited.has(b.tag) - limited.has(a.tag) || a.place - b.place).map(one => one.tag);
}
function showTagChoice(names, name) {
  $("tag-name").replaceChildren(...names.map(tag => make("option", { value: tag }, tag)));
  $("tag-name").value = name;
  $("tag-name").hidden = names.length < 2;
  $("tag-title").textContent = names.length < 2 ? "Spent by " + name : "Spent by tag";
}
function showTags(months, todays, todaySum, name, limitFigures, entries) {
  const standing = standings(limitFigures, entries);
  const all = ranked(months.rows, todays.rows, "tag:" + name).slice(0, longest);
  const [total, size] = [withOthers(months), measure(months.rows)];
  fill("tags", [...all.map(entry => make("tr", {},
    make("th", { scope: "row", class: entry.id ? "" : "soft" }, entry.id || `no ${name}`,
      make("small", { class: "block" }, entry.id ? budget(standing.ofTag(name, entry.id)) : null)),
    money(entry.today), money(entry.month), shareCell(entry.month, total, size))), ...rest(months.others, "value", todaySum, all)], 4, "No key with this tag was used this month.");
}

// The dearest of the month by a group, what they spent today, and what is left to them.
async function dearest(group, member, first, today, mark, troubles) {
  const path = `usage?group_by=${encodeURIComponent(group)}`;
  const months = await seldom(`${path}&from=${first}&to=${today}&top=${longest}`, mark, troubles);
  if (!rowsOf(months)) return { months: months && null, todays: null, figures: [] };
  const ids = months.rows.map(row => row[member]);
  if (!ids.length) return { months, todays: { rows: [] }, figures: [] };
  const only = ids.map(id => "&only=" + encodeURIComponent(id)).join("");
  const buckets = [...new Set([...ids, ...months.rows.map(row => row.key || "")])].filter(Boolean);
  const asked = buckets.map(bucket => "bucket=" + encodeURIComponent(bucket)).join("&");
  const [todays, limits] = await Promise.all([
    seldom(`${path}&from=${today}&to=${today}${only}`, mark, troubles), asked ? ask("limits?" + asked, troubles) : null,
  ]);
  return { months, todays, figures: (limits && limits.limits) || [] };
}
async function loadSpend(troubles) {
  const usage = await call("usage");
  const day = today(usage.today);
  const mark = [day, usage.total_requests, usage.total_input_tokens, usage.total_output_tokens, usage.total_cost_usd].join(" ");
  const first = day.slice(0, 8) + "01";
  const last = new Date(Date.parse(first + "T00:00:00Z") - 86400000).toISOString().slice(0, 10);
  const [config, holders] = await Promise.all([running(troubles), seldom("keys?limit=1&with=tags", null, troubles)]);
  const entries = (config && config.config.usage_limits) || [];
  const names = tagNames((holders && holders.tag_names) || [], entries);
  const tag = names.includes(tagChosen) ? tagChosen : names[0];
  const [days, before, who, tags] = await Promise.all([
    seldom(`usage?group_by=${encodeURIComponent("day,model")}&from=${first}&to=${day}`, mark, troubles).then(rowsOf),
    // The past does not change any more.
    seldom(`usage?group_by=model&from=${last.slice(0, 8)}01&to=${last}`, day, troubles).then(rowsOf),
    dearest("key", "key_id", first, day, mark, troubles),
    tag === undefined ? { months: null, todays: null, figures: [] } : dearest("tag:" + tag, "tag:" + tag, first, day, mark, troubles),
  ]);
  return { usage, day, entries, names, tag, days, before: before && { day: last, rows: before }, who, tags };
}
let redrawDays = () => {};
// Part by part, so that the page answers meanwhile.
async function presentSpend({ usage, day, entries, names, tag, days, before, who, tags }, isStale) {
  const todaySum = sumUp((days || []).filter(row => row.day === day));
  const parts = [
    () => redraw("totals", showTotals, usage, days || null, before || null, day),
    () => {
      // The chart is as wide as its place, which is there by now.
      panel("days-card", showDays, days, day);
      redrawDays = () => { if (days) showDays(days, day); };
    },
    () => panel("who-card", showWho, who.months, who.todays, todaySum, who.figures, entries),
    () => panel("models-card", showModels, days, day),
    () => panel("tags-card", (months, todays, sum, name, figures, entries, names) => {
      showTagChoice(names, name);
      showTags(months, todays, sum, name, figures, entries);
    }, tags.months, tags.todays, todaySum, tag === undefined ? null : tag, tags.figures, entries, names),
  ];
  for (const part of parts) {
    await new Promise(done => setTimeout(done));
    if (isStale()) return;
    part();
  }
}
for (const kind of ["cost", "tokens"]) $("chart-" + kind).addEventListener("click", () => { chartOf = kind; redrawDays(); });
$("tag-name").addEventListener("change", () => { tagChosen = $("tag-name").value; attempt(refresh); });
addEventListener("resize", () => redrawDays());
