extension Dashboard {
    /// Who spent what: the tiles, the days of the month, the tables by key, model and tag.
    static let spending = #"""
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
          const named = [...places].slice(0, colours).map(([model, place]) => [model || "unknown", colour(place)]);
          if (places.size > colours) named.push(["others", colour(colours)]);
          $("legend").replaceChildren(...named.map(([model, kind]) => make("span", {}, make("i", { class: kind }), model)));
        }

        // So many rows of a table say who matters.
        const longest = 15;
        function rest(all, word) {
          const hidden = all.slice(longest);
          if (!hidden.length) return [];
          const [month, today] = [sumUp(hidden.flatMap(entry => entry.rows)), hidden.reduce((sum, entry) => sum + entry.today.cost, 0)];
          return [make("tr", { class: "soft" }, cell(`${counted(hidden.length, "more " + word)}`), make("td", { class: "num" }, usd(today)),
            make("td", { class: "num" }, usd(month.cost)), make("td", { colspan: 4, class: "wide" }))];
        }
        function showWho(monthRows, todayRows, limitFigures, entries) {
          const standing = standings(limitFigures, entries);
          const all = ranked(monthRows, todayRows, "key_id");
          const [total, size] = [sumUp(monthRows), measure(monthRows)];
          fill("who", [...all.slice(0, longest).map(entry => {
            const name = entry.rows[0].key || entry.id;
            const figures = standing.ofKey(entry.id, name);
            return make("tr", {}, make("th", { scope: "row" }, name, under(budget(figures))), money(entry.today), money(entry.month),
              shareCell(entry.month, total, size), count(entry.month.tokens), count(entry.month.requests), wide(budget(figures) || "–"));
          }), ...rest(all, "key")], 7, "Nobody has used a model this month.");
        }
        function showModels(rows, today) {
          const all = ranked(rows, rows.filter(row => row.day === today), "model");
          const [total, size] = [sumUp(rows), measure(rows)];
          fill("models", [...all.slice(0, longest).map((entry, place) => make("tr", {},
            make("th", { scope: "row" }, make("i", { class: "dot " + colour(place) }), entry.id || "unknown"),
            money(entry.today), money(entry.month), shareCell(entry.month, total, size))), ...rest(all, "model")], 4, "No model was used this month.");
        }

        // The tag that is shown; "" for the first one there is.
        let tagChosen = "";
        // The tags that keys have: those that a limit goes by first, then those that most keys have.
        function tagNames(holders, entries) {
          const limited = new Set(entries.map(tagOf));
          const times = new Map();
          // A comma stands between groups: by a tag that has one in its name nothing can be asked.
          const all = holders.flatMap(holder => Object.keys(holder.tags || {})).filter(tag => !tag.includes(","));
          for (const tag of all) times.set(tag, (times.get(tag) || 0) + 1);
          return [...times.keys()].sort((a, b) => limited.has(b) - limited.has(a) || times.get(b) - times.get(a) || (a < b ? -1 : 1));
        }
        function showTagChoice(names, name) {
          $("tag-name").replaceChildren(...names.map(tag => make("option", { value: tag }, tag)));
          $("tag-name").value = name;
          $("tag-name").hidden = names.length < 2;
          $("tag-title").textContent = names.length < 2 ? "Spent by " + name : "Spent by tag";
        }
        function showTags(monthRows, todayRows, name, limitFigures, entries) {
          const standing = standings(limitFigures, entries);
          const all = ranked(monthRows, todayRows, "tag:" + name);
          const [total, size] = [sumUp(monthRows), measure(monthRows)];
          fill("tags", [...all.slice(0, longest).map(entry => make("tr", {},
            make("th", { scope: "row", class: entry.id ? "" : "soft" }, entry.id || `no ${name}`,
              make("small", { class: "block" }, entry.id ? budget(standing.ofTag(name, entry.id)) : null)),
            money(entry.today), money(entry.month), shareCell(entry.month, total, size))), ...rest(all, "value")], 4, "No key with this tag was used this month.");
        }
        """#
}
