extension Dashboard {
    static let script = #"""
        "use strict";
        const $ = id => document.getElementById(id);
        const store = "proxyd-admin-key";
        const SVG = "http://www.w3.org/2000/svg";

        // Strings become text nodes: nothing that comes from the API is ever markup.
        function make(tag, attributes, ...children) {
          const node = document.createElement(tag);
          for (const [name, value] of Object.entries(attributes || {})) {
            if (name === "onclick") node.addEventListener("click", value);
            else if (value !== null && value !== false) node.setAttribute(name, value);
          }
          node.append(...children.filter(child => child !== null && child !== undefined));
          return node;
        }
        function draw(tag, attributes, ...children) {
          const node = document.createElementNS(SVG, tag);
          for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
          node.append(...children);
          return node;
        }

        async function call(path, method = "GET", body) {
          const headers = { "x-admin-key": sessionStorage.getItem(store) || "" };
          if (body !== undefined) headers["content-type"] = "application/json";
          const answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
          const value = await answer.json().catch(() => ({}));
          if (answer.ok) return value;
          const failure = new Error((value.error && value.error.message) || "proxyd answered " + answer.status);
          failure.status = answer.status;
          failure.value = value;
          throw failure;
        }

        let noticeTimer;
        function say(text, kind) {
          $("notice").textContent = text;
          $("notice").className = kind;
          $("notice").hidden = !text;
          clearTimeout(noticeTimer);
          if (kind === "good") noticeTimer = setTimeout(() => say("", ""), 5000);
        }
        function lock(text) {
          sessionStorage.removeItem(store);
          for (const id of ["house", "reload", "leave", "state", "fresh"]) $(id).hidden = true;
          $("fresh-key").textContent = "";
          $("house").querySelectorAll("tbody, #rules, #totals, #running").forEach(node => node.replaceChildren());
          $("door").hidden = false;
          $("secret").value = "";
          $("secret").focus();
          say(text || "", text ? "bad" : "");
        }
        async function attempt(work) {
          try {
            return await work();
          } catch (failure) {
            // A viewer who may not change something stays.
            const isRole = failure.value && failure.value.error && failure.value.error.type === "role_forbidden";
            if (failure.status === 401 || (failure.status === 403 && !isRole)) lock(failure.message);
            else say(failure.message, "bad");
          }
        }

        const whole = new Intl.NumberFormat("en");
        const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
        const number = value => value < 100000 ? whole.format(value) : short.format(value);
        // Times are shown as the server has them, in its configured zone.
        const time = text => text ? text.slice(0, 16).replace("T", " ") : "never";
        const pill = (text, kind) => make("span", { class: "pill " + kind }, text);
        const cell = (...children) => make("td", {}, ...children);
        const count = value => make("td", { class: "num", title: whole.format(value) }, number(value));
        function fill(id, rows, columns, empty) {
          $(id).replaceChildren(...(rows.length ? rows
            : [make("tr", {}, make("td", { colspan: columns, class: "empty" }, empty))]));
        }

        function showTotals(usage) {
          const tiles = [["Requests", usage.total_requests], ["Input tokens", usage.total_input_tokens],
            ["Output tokens", usage.total_output_tokens]];
          $("totals").replaceChildren(
            ...tiles.map(([name, value]) => make("div", { class: "tile", title: whole.format(value) },
              make("small", {}, name), make("b", {}, number(value)))),
            make("div", { class: "tile" }, make("small", {}, "Keys in use"),
              make("b", {}, usage.active_keys + " of " + usage.total_keys)));
        }

        function niceTop(value) {
          const unit = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
          return [1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10].map(step => step * unit).find(step => step >= value);
        }
        function lastDays(today, length) {
          const end = Date.parse(today + "T00:00:00Z");
          return Array.from({ length }, (_, back) => new Date(end - (length - 1 - back) * 86400000).toISOString().slice(0, 10));
        }
        function showUsage(days, today) {
          const known = new Map(days.map(day => [day.date, day]));
          const shown = lastDays(days.length && days[days.length - 1].date > today ? days[days.length - 1].date : today, 30)
            .map(date => known.get(date) || { date, total_input: 0, total_output: 0, total_requests: 0, by_model: {} });
          const [width, height, left, bottom] = [Math.max(320, $("chart").clientWidth), 190, 46, 22];
          const top = niceTop(Math.max(1, ...shown.map(day => day.total_input + day.total_output)));
          const scale = (height - bottom - 10) / top;
          const step = (width - left) / shown.length;
          const chart = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "Tokens per day, last 30 days" });
          for (const part of [0, 0.5, 1]) {
            const y = height - bottom - part * top * scale;
            const label = draw("text", { x: left - 8, y: y + 4, "text-anchor": "end" });
            label.textContent = short.format(part * top);
            chart.append(draw("line", { x1: left, x2: width, y1: y, y2: y, class: "grid" }), label);
          }
          shown.forEach((day, index) => {
            const x = left + index * step;
            const input = day.total_input * scale, output = day.total_output * scale;
            const title = draw("title", {});
            const models = Object.entries(day.by_model).map(([model, sum]) => `\n${model}: ${whole.format(sum.total)}`);
            title.textContent = `${day.date}\n${whole.format(day.total_requests)} requests\n`
              + `${whole.format(day.total_input)} input, ${whole.format(day.total_output)} output` + models.join("");
            const bar = { x: x + step * 0.15, width: step * 0.7, rx: 2 };
            const group = draw("g", {}, title,
              draw("rect", { x, width: step, y: 0, height: height - bottom, class: "hit" }));
            if (input) group.append(draw("rect", { ...bar, y: height - bottom - input, height: input, class: "in" }));
            if (output) group.append(draw("rect", { ...bar, y: height - bottom - input - output, height: output, class: "out" }));
            if ((shown.length - 1 - index) % Math.ceil(52 / step) === 0) {
              const label = draw("text", { x: Math.min(x + step / 2, width - 18), y: height - 5, "text-anchor": "middle" });
              label.textContent = day.date.slice(5);
              group.append(label);
            }
            chart.append(group);
          });
          $("chart").replaceChildren(chart);
          $("legend").replaceChildren(
            make("span", {}, make("i", { class: "in" }), "Input tokens"), make("span", {}, make("i", { class: "out" }), "Output tokens"));
          const sum = shown.reduce((total, day) => total + day.total_requests, 0);
          $("usage-sum").textContent = `last 30 days, ${whole.format(sum)} requests`;
        }

        function meter(target) {
          const share = parseFloat(target.remaining);
          if (Number.isNaN(share)) return make("span", { class: "meter none" });
          const bar = draw("svg", { class: "meter" + (share < parseFloat(target.threshold) ? " low" : ""), viewBox: "0 0 100 6",
            preserveAspectRatio: "none", role: "img", "aria-label": target.remaining + " left" });
          bar.append(draw("rect", { width: share, height: 6 }));
          return bar;
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
                meter(lead), make("span", { class: "share" }, tier.remaining === "unknown" ? "–" : tier.remaining),
                make("span", { class: "mark" }, tier.available ? pill("available", "good") : pill("passed over", "bad")));
            })),
          ]));
          if (!rules.length) $("rules").replaceChildren(make("p", { class: "soft" }, "No rule leads to an upstream."));
          const names = { ready: "good", cooling_down: "warn", refused: "bad", out_of_money: "bad" };
          fill("accounts", report.accounts.map(account => make("tr", {}, cell(account.upstream), cell(account.name),
            cell(pill(account.state.replaceAll("_", " "), names[account.state] || "")),
            cell(make("small", {}, account.cooldowns.map(cooldown =>
              `${cooldown.model} until ${time(cooldown.until).slice(11)} (${cooldown.reason})`).join(", "))))), 4, "No upstream is configured.");
        }

        function showKeys(keys) {
          const act = (key, name, method, path, danger) => make("button", {
            class: "small" + (danger ? " danger" : ""), type: "button",
            onclick: () => {
              if (danger && !confirm(`Delete the key “${key.name}”? Whoever uses it is locked out at once.`)) return;
              attempt(async () => { await call("keys/" + encodeURIComponent(key.id) + path, method); await refresh(); });
            },
          }, name);
          fill("keys", keys.map(key => make("tr", { class: key.enabled ? "" : "off" },
            cell(key.name, key.enabled ? null : " ", key.enabled ? null : pill("disabled", "warn")),
            cell(make("code", { class: "nowrap" }, key.key || "–")), cell(key.policy), count(key.total_requests), count(key.total_input),
            count(key.total_output), make("td", { class: "nowrap" }, time(key.last_used)),
            make("td", { class: "acts" },
              key.enabled ? act(key, "Disable", "POST", "/disable") : act(key, "Enable", "POST", "/enable"), " ",
              // What the file declares is deleted there.
              key.origin === "declared" ? make("small", {}, "in the file") : act(key, "Delete", "DELETE", "", true)))), 8, "There is no key yet.");
        }

        function showConfiguration(config) {
          const problems = config.diagnostics.length ? config.diagnostics : config.error ? [config.error] : [];
          $("state").textContent = (config.error ? "file refused, generation " : "generation ") + config.generation;
          $("state").className = "badge " + (config.error ? "bad" : "good");
          $("state").hidden = false;
          $("problems").replaceChildren(...[...problems, ...config.warnings].map(problem =>
            make("p", { class: problem.severity === "warning" ? "warn" : "bad" }, make("code", {}, problem.text))));
          const facts = [["Generation", config.generation], ["Loaded", time(config.loaded_at)], ["Hash", make("code", {}, config.hash)],
            ["Time zone", config.config.timezone]];
          $("configuration").replaceChildren(...facts.flatMap(([name, value]) =>
            [make("dt", {}, name), make("dd", {}, value instanceof Node ? value : String(value))]));
          $("running").textContent = JSON.stringify(config.config, null, 2);
          const chosen = $("key-policy").value;
          $("key-policy").replaceChildren(...Object.keys(config.config.policies).map(name => make("option", { value: name }, name)));
          $("key-policy").value = [...$("key-policy").options].some(option => option.value === chosen) ? chosen : "default";
        }

        async function refresh() {
          const [fallback, keys, usage, days, config] = await Promise.all(
            ["fallback", "keys", "usage", "usage/daily", "config"].map(path => call(path)));
          showTotals(usage);
          showFallback(fallback);
          showKeys(keys.keys);
          showConfiguration(config);
          $("door").hidden = true;
          for (const id of ["house", "reload", "leave"]) $(id).hidden = false;
          // Last, since the chart is as wide as its place turns out to be.
          showUsage(days.days, config.now.slice(0, 10));
        }

        $("unlock").addEventListener("submit", event => {
          event.preventDefault();
          sessionStorage.setItem(store, $("secret").value);
          say("", "");
          attempt(refresh);
        });
        $("create").addEventListener("submit", event => {
          event.preventDefault();
          attempt(async () => {
            const made = await call("keys", "POST", { name: $("key-name").value, policy: $("key-policy").value });
            $("fresh-key").textContent = made.api_key;
            $("fresh").hidden = false;
            $("key-name").value = "";
            await refresh();
          });
        });
        $("copy").addEventListener("click", () => {
          const text = $("fresh-key").textContent;
          // Without TLS there is no clipboard; a selected key is one keystroke away.
          if (navigator.clipboard) navigator.clipboard.writeText(text).then(() => say("Copied.", "good"), () => {});
          else getSelection().selectAllChildren($("fresh-key"));
        });
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
        $("leave").addEventListener("click", () => lock());
        setInterval(() => {
          if (sessionStorage.getItem(store) && !document.hidden && !$("house").hidden) attempt(refresh);
        }, 15000);
        if (sessionStorage.getItem(store)) attempt(refresh);
        else lock();
        """#
}
