extension Dashboard {
    /// What runs: tiers, accounts, keys, configuration.
    static let operations = #"""
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

        function tags(named) {
          const all = Object.entries(named || {});
          return all.length ? make("small", { class: "block" }, all.map(([name, value]) => `${name}: ${value}`).join(" · ")) : null;
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
            make("th", { scope: "row" }, key.name, key.enabled ? null : " ", key.enabled ? null : pill("disabled", "warn"),
              tags(key.tags), under(key.policy, " · ", time(key.last_used))),
            wide(make("code", { class: "nowrap" }, key.key || "–")), wide(key.policy), count(key.total_requests), count(key.total_input),
            count(key.total_output), make("td", { class: "nowrap wide" }, time(key.last_used)),
            make("td", { class: "acts" },
              key.enabled ? act(key, "Disable", "POST", "/disable") : act(key, "Enable", "POST", "/enable"), " ",
              // What the file declares is deleted there.
              key.origin === "declared" ? make("small", {}, "in the file") : act(key, "Delete", "DELETE", "", true)))), 8,
            $("find").value.trim() ? "No key is like this." : "There is no key yet.");
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
        """#
}
