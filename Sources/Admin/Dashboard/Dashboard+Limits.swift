extension Dashboard {
    /// What is used of every limit, beside who used it and in a table of its own.
    static let limits = #"""
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

        function showLimits(figures, names) {
          const order = figure => (figure.blocked_until ? 1e9 : 0) + usedShare(figure);
          // What a key has left stands beside its spending; here is what is nearly used up, and what no key has to itself.
          const worth = figures.filter(figure => figure.blocked_until || usedShare(figure) >= 0.8 || (usedShare(figure) > 0 && !names[figure.bucket]));
          const sorted = worth.sort((a, b) => order(b) - order(a));
          const rows = sorted.slice(0, 8).map(figure => {
            const ends = figure.window === "day" || figure.window === "month" ? time(figure.resets_at) : "–";
            return make("tr", {},
              make("th", { scope: "row" }, names[figure.bucket] || figure.bucket, make("small", { class: "block" }, figure.limit)),
              make("td", { class: "budget" }, meter(usedShare(figure), severity(figure), percent(usedShare(figure)) + " used"),
                make("small", {}, amounts(figure), " ", stand(figure))),
              make("td", { class: "nowrap wide" }, ends));
          });
          fill("limits", rows, 3, "No limit is nearly used up.");
          $("limits-sum").textContent = sorted.length > rows.length ? `the ${rows.length} nearest to their end, of ${whole.format(sorted.length)}` : "";
        }
        """#
}
