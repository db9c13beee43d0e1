extension Dashboard {
    /// The latest requests.
    static let requests = #"""
        // `done/relay`: who ended it, and how far it had come.
        function ending(request) {
          const party = String(request.outcome).split("/")[0];
          const status = request.status ? String(request.status) : "";
          if (party === "done") return pill(status, request.status < 400 ? "good" : "bad", request.outcome);
          const words = { client: "client left", upstream: "cut", proxy: "failed", crash: "crash" };
          return pill([request.status >= 400 ? status : "", words[party] || request.outcome].filter(Boolean).join(" "),
            party === "client" ? "warn" : "bad", request.outcome);
        }
        const brief = value => value < 10000 ? whole.format(value) : short.format(value);
        function tokensOf(request) {
          if (request.source === "none") return make("span", { class: "soft", title: "The answer told no usage." }, "not told");
          const input = request.input + request.cache_read + request.cache_write;
          const title = `${whole.format(request.input)} input, ${whole.format(request.cache_read)} from the cache, `
            + `${whole.format(request.cache_write)} into the cache, ${whole.format(request.output)} output`;
          const isCounted = request.source === "counted";
          return make("span", { title }, `${isCounted ? "≈ " : ""}${brief(input)} → ${brief(request.output)}`,
            isCounted ? " " : null, isCounted ? pill("counted", "warn", "The upstream did not tell its usage: it is counted by what had come.") : null);
        }
        function costOf(request) {
          if (request.cost_nano === null) return make("span", { class: "soft" }, "no price");
          return (request.source === "counted" ? "≈ " : "") + fineUsd(request.cost_nano / 1e9);
        }
        const seconds = milliseconds => milliseconds < 10000 ? (milliseconds / 1000).toFixed(1) + " s" : whole.format(Math.round(milliseconds / 1000)) + " s";

        function showRequests(requests, today) {
          fill("latest", requests.map(request => {
            const when = request.time.startsWith(today) ? request.time.slice(11, 19) : time(request.time).slice(5);
            const conversation = [request.session && request.session.slice(0, 8), request.agent && request.agent.slice(0, 8)].filter(Boolean).join(" · ");
            const way = [request.upstream, request.model_asked && request.model_asked !== request.model ? "asked for " + request.model_asked : null,
              request.attempts && request.attempts.length > 1 ? request.attempts.length + " attempts" : null];
            return make("tr", { title: request.id },
              make("td", { class: "when" }, make("span", { class: "nowrap" }, when), " ", ending(request)),
              make("td", { class: "wide" }, request.key, make("small", { class: "block", title: [request.session, request.agent].filter(Boolean).join("\n") }, conversation)),
              make("td", { class: "any" }, make("span", { class: "under strong" }, request.key), request.model || "–",
                make("small", { class: "block" }, way.filter(Boolean).join(" · "))),
              make("td", { class: "num wide" }, tokensOf(request)),
              make("td", { class: "num" }, costOf(request), under(tokensOf(request))),
              make("td", { class: "num wide nowrap", title: request.first_byte_ms === null ? null : `first byte after ${seconds(request.first_byte_ms)}` },
                seconds(request.duration_ms)));
          }), 6, "No request has reached an upstream yet.");
        }
        """#
}
