extension Dashboard {
    /// What is asked when, and what the page does of itself.
    static let polling = #"""
        function lock(text) {
          sessionStorage.removeItem(store);
          for (const id of ["house", "reload", "leave", "state", "fresh"]) $(id).hidden = true;
          $("fresh-key").textContent = "";
          $("find").value = "";
          document.querySelectorAll("[data-live]").forEach(node => node.replaceChildren());
          for (const memory of [drawn, kept]) memory.clear();
          [pageSize, tagChosen, redrawDays] = [keysAtFirst, "", () => {}];
          $("door").hidden = false;
          $("secret").value = "";
          $("secret").focus();
          say(text || "", text ? "bad" : "");
        }
        // Whether the notice tells of the last look, and goes when a look succeeds.
        let isTroubled = false;
        async function attempt(work) {
          try {
            return await work();
          } catch (failure) {
            // A viewer who may not change something stays.
            const isRole = failure.value && failure.value.error && failure.value.error.type === "role_forbidden";
            if (failure.status === 401 || (failure.status === 403 && !isRole)) return lock(failure.message);
            isTroubled = work === refresh;
            say(failure.message, "bad");
          }
        }

        // A part that is not there, or not for this key, is null, and its panel is hidden; one that failed is undefined, and its
        // panel stays as it was.
        async function ask(path, troubles) {
          try {
            return await call(path);
          } catch (failure) {
            if (failure.status === 403 || failure.status === 404) return null;
            if (failure.status === 401) throw failure;
            troubles.push(failure);
            return undefined;
          }
        }
        // Reports take proxyd longer than the rest. One is asked again when `mark` is another than it was, and not before fifty times
        // as long has passed as its answer took: a page that is left open costs a fiftieth of what it could.
        const kept = new Map();
        async function seldom(path, mark, troubles) {
          const [known, start] = [kept.get(path), performance.now()];
          if (known && (start < known.until || (mark !== null && known.mark === mark && start < known.old))) return known.value;
          const value = await ask(path, troubles);
          if (value === undefined) return known && known.value;
          const end = performance.now();
          kept.set(path, { value, mark, until: end + Math.min(600000, Math.max(14000, 50 * (end - start))), old: end + 600000 });
          return value;
        }
        const rowsOf = report => report && (Array.isArray(report.rows) ? report.rows : null);
        function panel(id, show, ...values) {
          if (values.includes(undefined)) {
            $(id).hidden ||= !drawn.has(id);
            return;
          }
          $(id).hidden = values.includes(null);
          if (!$(id).hidden) redraw(id, show, ...values);
        }

        const keysAtFirst = 50;
        // Keys that the table shows at once.
        let pageSize = keysAtFirst;
        const keysPath = () => `keys?limit=${pageSize}&q=${encodeURIComponent($("find").value.trim())}`;
        function showKeyPage(page) {
          showKeys(page.keys);
          const isNarrowed = $("find").value.trim() !== "";
          $("find").hidden = page.total <= 10 && !isNarrowed;
          $("more-keys").hidden = !page.next || pageSize >= 1000;
          $("keys-sum").textContent = page.next ? `the newest ${whole.format(page.keys.length)} of ${whole.format(page.total)}` : whole.format(page.total);
        }

        async function lookAtSpending(today, mark, keys, entries, troubles) {
          const first = today.slice(0, 8) + "01";
          const report = (group, from, to) => seldom(`usage?group_by=${encodeURIComponent(group)}&from=${from}&to=${to}`, mark, troubles).then(rowsOf);
          const last = new Date(Date.parse(first + "T00:00:00Z") - 86400000).toISOString().slice(0, 10);
          const names = tagNames((keys && keys.keys) || [], entries);
          const tag = names.includes(tagChosen) ? tagChosen : names[0];
          const [days, before, limits, ...rows] = await Promise.all([
            report("day,model", first, today),
            // The past does not change any more.
            seldom(`usage?group_by=model&from=${last.slice(0, 8)}01&to=${last}`, today, troubles).then(rowsOf),
            seldom("limits", null, troubles),
            report("key", first, today), report("key", today, today),
            tag === undefined ? null : report("tag:" + tag, first, today), tag === undefined ? null : report("tag:" + tag, today, today),
          ]);
          return { days, before: before && { day: last, rows: before }, limits: limits && limits.limits, rows, names, tag };
        }
        function showSpending(usage, today, spent, entries, keyNames) {
          const figures = spent.limits || [];
          redraw("totals", showTotals, usage, spent.days || null, spent.before || null, today);
          panel("days-card", showDays, spent.days, today);
          panel("who-card", showWho, spent.rows[0], spent.rows[1], figures, entries);
          panel("models-card", showModels, spent.days, today);
          panel("tags-card", (monthRows, todayRows, tag, figures, entries, names) => {
            showTagChoice(names, tag);
            showTags(monthRows, todayRows, tag, figures, entries);
          }, spent.rows[2], spent.rows[3], spent.tag === undefined ? null : spent.tag, figures, entries, spent.names);
          $("limits-card").hidden = !figures.length;
          if (figures.length) redraw("limits", showLimits, figures, keyNames);
        }

        // What a later look has overtaken, or another key, is not shown.
        let looks = 0;
        let redrawDays = () => {};
        async function refresh() {
          const [look, key, troubles] = [++looks, sessionStorage.getItem(store), []];
          const usage = await call("usage");
          const [fallback, keys, allKeys, config, latest] = await Promise.all([
            ask("fallback", troubles), ask(keysPath(), troubles), seldom("keys?limit=1000", null, troubles), ask("config", troubles),
            ask("requests?limit=50", troubles),
          ]);
          const today = usage.today || (config ? config.now : new Date().toISOString()).slice(0, 10);
          const mark = [today, usage.total_requests, usage.total_input_tokens, usage.total_output_tokens, usage.total_cost_usd].join(" ");
          const requests = latest && latest.requests;
          const entries = (config && config.config.usage_limits) || [];
          const spent = await lookAtSpending(today, mark, allKeys, entries, troubles);
          if (look !== looks || sessionStorage.getItem(store) !== key) return;
          $("door").hidden = true;
          for (const id of ["house", "reload", "leave"]) $(id).hidden = false;
          const keyNames = Object.fromEntries(((allKeys && allKeys.keys) || []).map(key => [key.id, key.name]));
          // The chart is as wide as its place, which is there by now.
          showSpending(usage, today, spent, entries, keyNames);
          redrawDays = () => { if (spent.days) showDays(spent.days, today); };
          panel("latest-card", showRequests, requests, today);
          // An age grows all the time; what is counted down is drawn anew once a minute.
          const ageless = account => ({ ...account, windows: account.windows.map(window => ({ ...window, age_s: undefined })) });
          panel("fallback-card", showFallback, fallback && { ...fallback, accounts: undefined, upstreams: undefined });
          panel("accounts-card", showAccounts, fallback && fallback.accounts.map(ageless), Math.floor(Date.now() / 60000));
          panel("keys-card", showKeyPage, keys);
          panel("configuration-card", showConfiguration, config && { ...config, now: undefined });
          if (troubles.length) say(troubles[0].message, "bad");
          else if (isTroubled) say("", "");
          isTroubled = troubles.length > 0;
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
        for (const kind of ["cost", "tokens"]) $("chart-" + kind).addEventListener("click", () => { chartOf = kind; redrawDays(); });
        $("tag-name").addEventListener("change", () => { tagChosen = $("tag-name").value; attempt(refresh); });
        let findTimer;
        $("find").addEventListener("input", () => {
          clearTimeout(findTimer);
          findTimer = setTimeout(() => attempt(refresh), 250);
        });
        $("more-keys").addEventListener("click", () => { pageSize = Math.min(1000, pageSize * 2); attempt(refresh); });
        addEventListener("resize", () => redrawDays());
        setInterval(() => {
          if (sessionStorage.getItem(store) && !document.hidden && $("door").hidden) attempt(refresh);
        }, 15000);
        if (sessionStorage.getItem(store)) attempt(refresh);
        else lock();
        """#
}
