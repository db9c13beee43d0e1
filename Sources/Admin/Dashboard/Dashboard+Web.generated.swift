// Made of the files in web/ by `make catalog`; edit those instead.
// swift-format-ignore-file

extension Dashboard {
    /// `style.css`.
    static let style = ##"""
        :root {
        color-scheme: light dark;
        --ground: #f5f6f8; --card: #fff; --line: #e1e4ea; --text: #1a1d24; --soft: #626a78;
        --accent: #2563cf; --good: #146c43; --good-ground: #e3f5ea; --warn: #92580a; --warn-ground: #fdf1d9;
        --bad: #b42332; --bad-ground: #fde8ea; --s0: #3b7ddd; --s1: #8e62d9; --s2: #1f9d8b; --s3: #d9822b; --s4: #c2478a; --s5: #9aa3b1;
        }
        @media (prefers-color-scheme: dark) {
        :root {
        --ground: #101318; --card: #181c23; --line: #2b313b; --text: #e6e9ef; --soft: #98a1b0;
        --accent: #6ea3ff; --good: #6bd29b; --good-ground: #16301f; --warn: #f0bd62; --warn-ground: #33270f;
        --bad: #ff8b94; --bad-ground: #3a171b; --s0: #5c9bff; --s1: #b08cf2; --s2: #42c2ae; --s3: #f0a356; --s4: #ea7bb3; --s5: #6b7483;
        }
        }
        * { box-sizing: border-box; }
        [hidden] { display: none !important; }
        body {
        margin: 0 auto; max-width: 72rem; padding: 1.25rem; background: var(--ground); color: var(--text);
        font: 0.9375rem/1.5 system-ui, -apple-system, "Segoe UI", sans-serif;
        }
        header button.quiet { margin-right: -0.75rem; }
        header { display: flex; align-items: center; gap: 0.75rem; margin-bottom: 1rem; flex-wrap: wrap; }
        h1 { font-size: 1.25rem; margin: 0; letter-spacing: -0.01em; }
        h2 { font-size: 1rem; margin: 0 0 0.75rem; }
        h3 { font-size: 0.875rem; margin: 1.25rem 0 0.5rem; overflow-wrap: anywhere; }
        h3:first-child { margin-top: 0; }
        small, .soft { color: var(--soft); font-weight: 400; font-size: 0.8125rem; }
        .grow { flex: 1; }
        .card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1.125rem; margin-bottom: 1rem; }
        #door { max-width: 28rem; margin: 12vh auto 0; }
        #door p { color: var(--soft); margin-top: 0; }
        .row { display: flex; gap: 0.5rem; align-items: center; flex-wrap: wrap; margin-bottom: 0.75rem; }
        .row:last-child { margin-bottom: 0; }
        .row input { flex: 1; min-width: 12rem; }
        input, select, button {
        font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 7px;
        padding: 0.375rem 0.75rem; min-height: 2.25rem;
        }
        button { cursor: pointer; }
        button:hover { border-color: var(--accent); }
        button:disabled { opacity: 0.5; cursor: default; }
        button.primary { background: var(--accent); border-color: var(--accent); color: var(--card); font-weight: 600; }
        button.quiet, button.small { background: none; border-color: transparent; color: var(--soft); }
        button.small { min-height: 0; padding: 0.125rem 0.5rem; font-size: 0.8125rem; border-color: var(--line); }
        button.danger { color: var(--bad); }
        button.danger:hover { border-color: var(--bad); }
        :focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
        .tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: 1rem; margin-bottom: 1rem; }
        .tile { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 0.75rem 1.125rem; }
        .tile b { display: block; font-size: 1.5rem; font-weight: 600; letter-spacing: -0.02em; font-variant-numeric: tabular-nums; }
        .badge, .pill {
        display: inline-block; border-radius: 99px; padding: 0.0625rem 0.625rem; font-size: 0.75rem; font-weight: 600;
        white-space: nowrap; background: var(--line); color: var(--text);
        }
        .good { background: var(--good-ground); color: var(--good); }
        .warn { background: var(--warn-ground); color: var(--warn); }
        .bad { background: var(--bad-ground); color: var(--bad); }
        .scroll { overflow-x: auto; }
        table { width: 100%; border-collapse: collapse; font-size: 0.875rem; }
        th { text-align: left; font-weight: 500; color: var(--soft); font-size: 0.8125rem; }
        th, td { padding: 0.4375rem 0.75rem 0.4375rem 0; border-bottom: 1px solid var(--line); vertical-align: middle; }
        tbody tr:last-child td { border-bottom: 0; }
        th.num, td.num { padding-right: 1.25rem; }
        tr > :last-child { padding-right: 0; }
        tbody th { font-size: inherit; font-weight: 400; color: inherit; overflow-wrap: anywhere; }
        tbody tr:last-child th { border-bottom: 0; }
        th[scope="row"] { min-width: 6rem; }
        #who th { width: 28%; }
        th.share, td.share { width: 8rem; white-space: nowrap; }
        td.share .meter { display: inline-block; width: 4.5rem; margin-right: 0.5rem; vertical-align: middle; }
        .budget .meter { margin: 0.125rem 0; max-width: 14rem; }
        span.budget { display: block; }
        .block { display: block; }
        .unpriced { color: var(--warn); }
        .under { display: none; }
        .strong { color: var(--text); font-size: inherit; }
        .tall { max-height: 26rem; overflow-y: auto; padding-right: 0.5rem; }
        .tall thead th { position: sticky; top: 0; background: var(--card); }
        td.any { overflow-wrap: anywhere; }
        .head { display: flex; justify-content: space-between; align-items: center; gap: 0.75rem; min-height: 2rem; margin-bottom: 0.75rem; }
        .head h2 { margin: 0; }
        .head select { min-height: 0; padding: 0.125rem 0.5rem; font-size: 0.8125rem; max-width: 12rem; }
        .switch { display: flex; }
        .switch button { min-height: 0; padding: 0.125rem 0.75rem; font-size: 0.8125rem; border-radius: 0; color: var(--soft); }
        .switch button:first-child { border-radius: 7px 0 0 7px; }
        .switch button:last-child { border-radius: 0 7px 7px 0; margin-left: -1px; }
        .switch button[aria-pressed="true"] { background: var(--line); color: var(--text); font-weight: 600; }
        .pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 0 1rem; align-items: start; }
        .num { white-space: nowrap; text-align: right; font-variant-numeric: tabular-nums; }
        td.acts { text-align: right; white-space: nowrap; padding-right: 0; }
        td.empty { color: var(--soft); text-align: center; padding: 1.25rem 0; }
        tr.off :is(th, td:not(.acts)) { opacity: 0.55; }
        code, pre { font: 0.8125rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
        pre { overflow-x: auto; margin: 0.75rem 0 0; padding: 0.75rem; background: var(--ground); border-radius: 7px; }
        .nowrap { white-space: nowrap; }
        .tiers { list-style: none; margin: 0; padding: 0; }
        .tiers li { display: grid; grid-template-columns: 1.5rem minmax(0, 1fr) 7rem 3.5rem 6.5rem; gap: 0.75rem; align-items: center; padding: 0.375rem 0; border-bottom: 1px solid var(--line); }
        .tiers li:last-child { border-bottom: 0; }
        .tiers .place { color: var(--soft); font-variant-numeric: tabular-nums; }
        .tiers .name { overflow-wrap: anywhere; }
        .tiers .name small { display: block; }
        .meter { height: 6px; width: 100%; display: block; border-radius: 3px; background: var(--line); overflow: hidden; }
        .meter.none { background: none; }
        .meter rect { fill: var(--good); }
        .meter.part rect { fill: var(--accent); }
        .meter.near rect { fill: var(--warn); }
        .meter.low rect { fill: var(--bad); }
        .tiers .share { text-align: right; font-variant-numeric: tabular-nums; font-size: 0.875rem; }
        .tiers .mark { text-align: right; }
        td.left { min-width: 11rem; }
        .window { display: grid; grid-template-columns: minmax(3.5rem, auto) minmax(3rem, 1fr) 2.75rem; gap: 0 0.5rem; align-items: center; }
        .window small { grid-column: 1 / -1; overflow-wrap: anywhere; }
        .window + .window { margin-top: 0.25rem; }
        #accounts :is(td, th) { vertical-align: top; }
        #accounts small { overflow-wrap: anywhere; }
        @media (max-width: 56rem) {
        .wide { display: none; }
        #who th { width: auto; }
        .num small, .budget .pill { white-space: normal; }
        .budget .pill { border-radius: 7px; }
        #latest .when, #latest .num { width: 1%; }
        #latest .num small { white-space: nowrap; }
        #latest .num .pill { display: table; margin-left: auto; }
        .under { display: block; }
        }
        @media (max-width: 40rem) {
        .tiers li { grid-template-columns: 1.25rem minmax(0, 1fr) 2.75rem auto; gap: 0.5rem; }
        .tiers .meter { display: none; }
        body { padding: 0.75rem; }
        .card { padding: 0.875rem; }
        .tiles { gap: 0.75rem; grid-template-columns: 1fr 1fr; }
        .tile { padding: 0.625rem 0.875rem; }
        .tile:last-child:nth-child(odd) { grid-column: span 2; }
        .tile b { font-size: 1.25rem; }
        header button { font-size: 0.875rem; padding: 0.25rem 0.5rem; min-height: 2rem; }
        header button.quiet { margin-right: -0.5rem; }
        #limits th { width: 50%; }
        #accounts th { min-width: 4.5rem; }
        td.left { min-width: 8rem; }
        .window { grid-template-columns: 1fr auto; }
        .window .meter { grid-row: 2; grid-column: 1 / -1; }
        #accounts td.acts { white-space: normal; }
        .pair .num { width: 4.5rem; }
        th.num, td.num { padding-right: 0.75rem; }
        }
        #chart svg { display: block; width: 100%; height: 190px; }
        #chart text { fill: var(--soft); font-size: 11px; font-variant-numeric: tabular-nums; }
        #chart .grid { stroke: var(--line); }
        #chart .now { fill: var(--text); font-weight: 600; }
        #chart .s0 { fill: var(--s0); }
        #chart .s1 { fill: var(--s1); }
        #chart .s2 { fill: var(--s2); }
        #chart .s3 { fill: var(--s3); }
        #chart .s4 { fill: var(--s4); }
        #chart .s5 { fill: var(--s5); }
        #chart .hit { fill: transparent; }
        #chart g:hover .hit { fill: var(--line); opacity: 0.45; }
        .legend { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; margin-top: 0.5rem; color: var(--soft); font-size: 0.8125rem; }
        .legend span { overflow-wrap: anywhere; }
        .legend i, .dot { display: inline-block; width: 10px; height: 10px; border-radius: 3px; margin-right: 0.375rem; }
        i.s0 { background: var(--s0); }
        i.s1 { background: var(--s1); }
        i.s2 { background: var(--s2); }
        i.s3 { background: var(--s3); }
        i.s4 { background: var(--s4); }
        i.s5 { background: var(--s5); }
        i.error { background: var(--bad); }
        .fresh { background: var(--good-ground); border-radius: 7px; padding: 0.75rem 1rem; margin-bottom: 0.75rem; }
        .fresh p { margin: 0 0 0.5rem; color: var(--good); font-weight: 600; }
        .fresh code { flex: 1; overflow-wrap: anywhere; user-select: all; }
        #notice { border-radius: 7px; padding: 0.5rem 0.875rem; margin: 0 0 1rem; }
        #problems p { border-radius: 7px; padding: 0.5rem 0.875rem; margin: 0 0 0.5rem; overflow-wrap: anywhere; }
        dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.25rem 1.25rem; margin: 0 0 0.75rem; }
        dt { color: var(--soft); }
        dd { margin: 0; overflow-wrap: anywhere; }
        summary { cursor: pointer; color: var(--soft); }
        .skip { position: absolute; left: -99rem; }
        .skip:focus { position: static; }
        .unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
        a { color: var(--accent); }
        a.badge { text-decoration: none; }
        a.badge.good { color: var(--good); }
        a.badge.warn { color: var(--warn); }
        a.badge.bad { color: var(--bad); }
        a.primary {
        background: var(--accent); color: var(--card); border-radius: 7px; padding: 0.375rem 0.75rem; text-decoration: none; font-weight: 600;
        }
        main:focus { outline: none; }
        nav { display: flex; flex-wrap: wrap; gap: 0.125rem; margin-bottom: 1rem; border-bottom: 1px solid var(--line); }
        nav a { padding: 0.375rem 0.625rem; color: var(--soft); text-decoration: none; border-bottom: 2px solid transparent; margin-bottom: -1px; }
        nav a:hover { color: var(--text); }
        nav a[aria-current="page"] { color: var(--text); border-bottom-color: var(--accent); }
        nav .pill { line-height: 1.25; }
        #unlock label { display: block; color: var(--soft); font-size: 0.8125rem; }
        .fields { display: flex; flex-wrap: wrap; gap: 0.75rem; align-items: end; margin-bottom: 0.75rem; }
        .fields:last-child { margin-bottom: 0; }
        .fields label { display: flex; flex-direction: column; gap: 0.125rem; color: var(--soft); font-size: 0.8125rem; flex: 1 1 9rem; min-width: 0; }
        .fields label input, .fields label select, .fields label textarea { color: var(--text); font-size: 0.9375rem; width: 100%; min-width: 0; }
        .fields label :is(input, select), .fields > button { height: 2.375rem; }
        .fields label.broad { flex-basis: 100%; }
        .fields label.half { flex-basis: 30rem; }
        .fields label.tick { flex: 0 0 auto; flex-direction: row; align-items: center; gap: 0.375rem; min-height: 2.25rem; }
        .fields label.tick input { width: auto; min-height: 0; height: auto; }
        textarea { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 7px; padding: 0.375rem 0.75rem; resize: vertical; }
        .pages { justify-content: flex-end; margin-top: 0.75rem; }
        .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 0 1rem; }
        .chart h2 { display: flex; justify-content: space-between; gap: 0.5rem; margin-bottom: 0.5rem; }
        .spark { height: 4.5rem; }
        .spark svg { display: block; width: 100%; height: 100%; }
        .spark .grid { stroke: var(--line); }
        .spark .s0 { fill: var(--s0); }
        .spark .s1 { fill: var(--s1); }
        .spark .s2 { fill: var(--s2); }
        .spark .s3 { fill: var(--s3); }
        .spark .s4 { fill: var(--s4); }
        .spark .s5 { fill: var(--s5); }
        .spark .refused { fill: var(--s3); }
        .spark .error { fill: var(--bad); }
        .tile b.alarm { color: var(--bad); }
        #live-tiles, #totals { min-height: 5.5rem; }
        .alerts, .history, .changes { list-style: none; margin: 0; padding: 0; }
        .alert { border-radius: 7px; padding: 0.5rem 0.875rem; margin-bottom: 0.5rem; overflow-wrap: anywhere; }
        .alert small { color: inherit; }
        .history > li { padding: 0.5rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
        .history > li:last-child { border-bottom: 0; }
        .changes li { padding: 0.125rem 0; font-size: 0.8125rem; }
        del { color: var(--bad); }
        ins { color: var(--good); text-decoration: none; }
        .problem { border-radius: 7px; padding: 0.5rem 0.875rem; margin: 0.25rem 0 0.5rem; overflow-wrap: anywhere; }
        .problem pre { margin: 0.375rem 0 0; color: var(--text); }
        p.bad.block { border-radius: 7px; padding: 0.5rem 0.875rem; }
        .story { padding: 0.5rem 0.75rem; background: var(--ground); border-radius: 7px; }
        .story ol, #explained ol, #explained ul { margin: 0; padding-left: 1.25rem; overflow-wrap: anywhere; }
        #explained li { margin-bottom: 0.25rem; }
        .said { white-space: pre-wrap; overflow-wrap: anywhere; min-height: 3rem; max-height: 30rem; overflow-y: auto; }
        #keys td.acts, #limits td.acts { white-space: normal; min-width: 5rem; }
        #keys td.acts button, #limits td.acts button { margin: 0.0625rem 0; }
        @media (max-width: 40rem) {
        nav { gap: 0; }
        nav a { padding: 0.375rem 0.5rem; font-size: 0.875rem; }
        .story dl { grid-template-columns: 1fr; gap: 0; }
        .story dd { margin-bottom: 0.375rem; }
        .chart h2 { flex-wrap: wrap; }
        }
        @media (prefers-reduced-motion: no-preference) { summary, button { transition: border-color 0.1s; } }
        """##

    /// `page.html`.
    static let markup = ##"""
        <a class="skip" href="#main">To the content</a>
        <header>
        <h1>proxyd</h1>
        <a id="state" class="badge" href="#config" hidden></a>
        <span class="grow"></span>
        <span id="who-am-i" class="soft" data-live></span>
        <button id="leave" class="quiet" type="button" hidden>Sign out</button>
        </header>
        <nav id="nav" aria-label="Views" hidden>
        <a id="to-now" href="#now">Now</a>
        <a id="to-spend" href="#spend">Spend</a>
        <a id="to-keys" href="#keys">Keys</a>
        <a id="to-accounts" href="#accounts">Accounts</a>
        <a id="to-limits" href="#limits">Limits</a>
        <a id="to-requests" href="#requests">Requests</a>
        <a id="to-explain" href="#explain">Explain</a>
        <a id="to-try" href="#try">Try it</a>
        <a id="to-config" href="#config">Configuration</a>
        <a id="to-alerts" href="#alerts" hidden>Alerts</a>
        </nav>
        <p id="notice" role="status" hidden></p>
        <main id="main" tabindex="-1">
        <div id="door" class="card" hidden>
        <h2>Sign in</h2>
        <div id="ways" class="row" hidden></div>
        <form id="unlock">
        <label for="secret">Admin key</label>
        <div class="row">
        <input id="secret" type="password" autocomplete="current-password" required>
        <button class="primary">Open</button>
        </div>
        </form>
        </div>
        <div id="house" hidden>
        <section id="view-now" aria-label="Now" hidden>
        <div id="alarms" data-live></div>
        <div class="tiles" id="live-tiles" data-live></div>
        <div class="charts">
        <section class="card chart"><h2>Requests a minute <small id="live-requests" data-live></small></h2><div id="chart-requests" class="spark" data-live></div><div class="legend"><span><i class="s0"></i>served</span><span><i class="s3"></i>refused</span><span><i class="error"></i>errors</span></div></section>
        <section class="card chart"><h2>First byte <small id="live-first-byte" data-live></small></h2><div id="chart-first-byte" class="spark" data-live></div><div class="legend"><span><i class="s2"></i>half within</span><span><i class="s5"></i>95% within</span></div></section>
        <section class="card chart"><h2>Tokens a minute <small id="live-tokens" data-live></small></h2><div id="chart-tokens-live" class="spark" data-live></div><div class="legend"><span><i class="s1"></i>in</span><span><i class="s3"></i>out</span></div></section>
        <section class="card chart"><h2>Money a minute <small id="live-money" data-live></small></h2><div id="chart-money" class="spark" data-live></div></section>
        </div>
        <section class="card">
        <details id="live-details"><summary>The last hour as a table</summary>
        <div class="scroll tall" tabindex="0" role="region" aria-label="The last hour, minute by minute"><table>
        <caption class="unseen">The last hour, minute by minute, the latest first</caption>
        <thead><tr>
        <th scope="col">Minute</th><th scope="col" class="num">Requests</th><th scope="col" class="num">Errors</th><th scope="col" class="num wide">Refused</th>
        <th scope="col" class="num wide">Half within</th><th scope="col" class="num wide">95% within</th><th scope="col" class="num wide">Tokens</th><th scope="col" class="num">Cost</th>
        </tr></thead>
        <tbody id="live-table" data-live></tbody>
        </table></div></details>
        </section>
        <section class="card" id="latest-card">
        <h2 id="latest-title">Latest requests</h2>
        <div class="scroll" tabindex="0" role="region" aria-label="The latest requests"><table>
        <caption class="unseen">The latest requests</caption>
        <thead><tr>
        <th scope="col">Time</th><th scope="col" class="wide">Who</th><th scope="col">Model</th><th scope="col" class="num wide">Tokens</th><th scope="col" class="num">Cost</th>
        <th scope="col" class="num wide">Took</th>
        </tr></thead>
        <tbody id="latest" data-live></tbody>
        </table></div>
        </section>
        </section>
        <section id="view-spend" aria-label="Spend" hidden>
        <div class="tiles" id="totals" data-live></div>
        <section class="card" id="days-card">
        <div class="head">
        <h2>Spent by day</h2>
        <div class="switch" role="group" aria-label="What the chart shows">
        <button id="chart-cost" type="button" aria-pressed="true">Money</button>
        <button id="chart-tokens" type="button" aria-pressed="false">Tokens</button>
        </div>
        </div>
        <div id="chart" data-live></div>
        <div class="legend" id="legend" data-live></div>
        <details id="days-details"><summary>As a table</summary>
        <div class="scroll" tabindex="0" role="region" aria-label="Spent by day of this month"><table>
        <caption class="unseen">Spent by day of this month</caption>
        <thead><tr><th scope="col">Day</th><th scope="col" class="num">Cost</th><th scope="col" class="num">Tokens</th><th scope="col" class="num">Requests</th></tr></thead>
        <tbody id="days" data-live></tbody>
        </table></div></details>
        </section>
        <section class="card" id="who-card">
        <h2>Spent by key</h2>
        <div class="scroll" tabindex="0" role="region" aria-label="Spent by key, those that spent most this month first"><table>
        <caption class="unseen">Spent by key, those that spent most this month first</caption>
        <thead><tr>
        <th scope="col">Key</th><th scope="col" class="num">Today</th><th scope="col" class="num">Month</th><th scope="col" class="share wide">Share</th>
        <th scope="col" class="num wide">Tokens</th><th scope="col" class="num wide">Requests</th><th scope="col" class="wide">Of its limit</th>
        </tr></thead>
        <tbody id="who" data-live></tbody>
        </table></div>
        </section>
        <div class="pair">
        <section class="card" id="models-card">
        <div class="head"><h2>Spent by model</h2></div>
        <div class="scroll" tabindex="0" role="region" aria-label="Spent by model"><table>
        <caption class="unseen">Spent by model</caption>
        <thead><tr><th scope="col">Model</th><th scope="col" class="num">Today</th><th scope="col" class="num">Month</th><th scope="col" class="share wide">Share</th></tr></thead>
        <tbody id="models" data-live></tbody>
        </table></div>
        </section>
        <section class="card" id="tags-card" hidden>
        <div class="head"><h2 id="tag-title" data-live>Spent by tag</h2><select id="tag-name" aria-label="Tag" data-live></select></div>
        <div class="scroll" tabindex="0" role="region" aria-label="Spent by the values of a tag"><table>
        <caption class="unseen">Spent by the values of a tag</caption>
        <thead><tr><th scope="col">Value</th><th scope="col" class="num">Today</th><th scope="col" class="num">Month</th><th scope="col" class="share wide">Share</th></tr></thead>
        <tbody id="tags" data-live></tbody>
        </table></div>
        </section>
        </div>
        </section>
        <section id="view-keys" aria-label="Keys" hidden>
        <section class="card" id="create-card" hidden>
        <h2>New key</h2>
        <form id="create" class="fields">
        <label>Name<input id="key-name" required maxlength="200"></label>
        <label>Policy<select id="key-policy" data-live></select></label>
        <label>Tags<input id="key-tags" placeholder="team=web, env=ci"></label>
        <label>Ends with the day<input id="key-expires" type="date"></label>
        <button class="primary">Create</button>
        </form>
        </section>
        <div id="fresh" class="fresh card" role="status" hidden>
        <p id="fresh-title">The new key. It is shown this once; copy it now.</p>
        <div class="row"><code id="fresh-key"></code><button id="copy" type="button">Copy</button><button id="fresh-done" type="button">Done</button></div>
        </div>
        <section class="card" id="edit-card" hidden>
        <h2>Change <span id="edit-name" data-live></span></h2>
        <form id="edit" class="fields">
        <label>Name<input id="edit-new-name" required maxlength="200"></label>
        <label>Policy<select id="edit-policy" data-live></select></label>
        <label>Tags<input id="edit-tags" placeholder="team=web, env=ci"></label>
        <label>Ends with the day<input id="edit-expires" type="date"></label>
        <button class="primary">Save</button>
        <button id="edit-cancel" type="button">Cancel</button>
        </form>
        </section>
        <section class="card" id="keys-card">
        <h2>Keys <small id="keys-sum" data-live></small></h2>
        <div class="row" id="find-row"><input id="find" type="search" aria-label="Find keys" placeholder="Find by name, tag, policy"></div>
        <div class="scroll" tabindex="0" role="region" aria-label="Keys, the newest first"><table>
        <caption class="unseen">Keys, the newest first</caption>
        <thead><tr>
        <th scope="col">Name</th><th scope="col" class="wide">Key</th><th scope="col" class="wide">Policy</th><th scope="col" class="num wide">Requests</th>
        <th scope="col" class="num wide">Cost</th><th scope="col" class="wide">Last used</th><th scope="col"><span class="unseen">What can be done</span></th>
        </tr></thead>
        <tbody id="keys" data-live></tbody>
        </table></div>
        <div class="row pages"><button id="keys-newer" type="button" hidden>Newer</button><button id="more-keys" type="button" hidden>Older</button></div>
        </section>
        </section>
        <section id="view-accounts" aria-label="Accounts" hidden>
        <section class="card" id="accounts-card">
        <h2>Accounts</h2>
        <div class="scroll" tabindex="0" role="region" aria-label="Accounts: their state, what is left, what they are doing"><table>
        <caption class="unseen">Accounts: their state, what is left, what they are doing</caption>
        <thead><tr>
        <th scope="col">Account</th><th scope="col">State</th><th scope="col">Left</th><th scope="col" class="num wide">In flight</th><th scope="col" class="num wide">Failures</th>
        <th scope="col"><span class="unseen">What can be done</span></th>
        </tr></thead>
        <tbody id="accounts" data-live></tbody>
        </table></div>
        </section>
        <section class="card" id="fallback-card">
        <h2>Fallback <small id="polled" data-live></small></h2>
        <div id="rules" data-live></div>
        </section>
        </section>
        <section id="view-limits" aria-label="Limits" hidden>
        <section class="card" id="limits-card">
        <h2>Limits <small id="limits-sum" data-live></small></h2>
        <div class="row"><input id="limits-key" type="search" aria-label="Limits of a key, by its name or id" placeholder="Limits of a key, by its name or id"></div>
        <div class="scroll" tabindex="0" role="region" aria-label="What is used of limits, those nearest to their end first"><table>
        <caption class="unseen">What is used of limits, those nearest to their end first</caption>
        <thead><tr><th scope="col">Who</th><th scope="col">Used</th><th scope="col" class="wide">Begins anew</th><th scope="col"><span class="unseen">What can be done</span></th></tr></thead>
        <tbody id="limits" data-live></tbody>
        </table></div>
        </section>
        </section>
        <section id="view-requests" aria-label="Requests" hidden>
        <section class="card">
        <h2>Requests</h2>
        <form id="filter" class="fields">
        <label>Key<input id="filter-key" placeholder="name or id"></label>
        <label>Model<input id="filter-model"></label>
        <label>Status<input id="filter-status" placeholder="429, 5xx" size="8"></label>
        <label>Since<input id="filter-since" type="datetime-local"></label>
        <label>Until<input id="filter-until" type="datetime-local"></label>
        <button class="primary">Find</button>
        </form>
        <div class="scroll" tabindex="0" role="region" aria-label="Requests, the newest first"><table>
        <caption class="unseen">Requests, the newest first</caption>
        <thead><tr>
        <th scope="col">Time</th><th scope="col" class="wide">Who</th><th scope="col">Model</th><th scope="col" class="num wide">Tokens</th><th scope="col" class="num">Cost</th>
        <th scope="col" class="num wide">Took</th><th scope="col"><span class="unseen">What can be done</span></th>
        </tr></thead>
        <tbody id="rows" data-live></tbody>
        </table></div>
        <div class="row pages"><button id="rows-newest" type="button" hidden>Newest</button><button id="rows-older" type="button" hidden>Older</button></div>
        </section>
        </section>
        <section id="view-explain" aria-label="Explain" hidden>
        <section class="card">
        <h2>What would happen to a request</h2>
        <form id="describe" class="fields">
        <label>Model<input id="explain-model" placeholder="or that of the body"></label>
        <label>Key<input id="explain-key" placeholder="name, id or whole key" autocomplete="off"></label>
        <label>Dialect<select id="explain-dialect"><option value="">as the body</option><option value="anthropic">Messages</option><option value="openai">Chat</option><option value="responses">Responses</option><option value="gemini">Gemini</option></select></label>
        <label>Input tokens<input id="explain-tokens" type="number" min="0"></label>
        <label class="half">At<input id="explain-at" placeholder="2027-01-31T00:00:00+08:00" autocomplete="off"></label>
        <label class="half">Quota pretended<input id="explain-quota" placeholder="upstream/model=3%, …" autocomplete="off"></label>
        <label class="broad">Headers, one a line<textarea id="explain-headers" rows="2" placeholder="name: value" autocomplete="off"></textarea></label>
        <label class="broad">Body, as a client sends it<textarea id="explain-body" rows="3" placeholder="{&quot;model&quot;: …}" autocomplete="off"></textarea></label>
        <label class="tick"><input id="explain-tools" type="checkbox"> with tools</label>
        <label class="tick"><input id="explain-images" type="checkbox"> with images</label>
        <button class="primary">Explain</button>
        </form>
        <div id="explained" role="status" data-live></div>
        </section>
        </section>
        <section id="view-try" aria-label="Try it" hidden>
        <section class="card">
        <h2>Try it</h2>
        <p class="soft">A real request with a client's key, which costs what it costs. The key is not kept.</p>
        <form id="try" class="fields">
        <label>Client key<input id="try-key" type="password" autocomplete="off" required></label>
        <label>Dialect<select id="try-dialect"><option value="anthropic">Messages</option><option value="openai">Chat</option><option value="responses">Responses</option><option value="gemini">Gemini</option></select></label>
        <label>Model<input id="try-model" required></label>
        <label>At most tokens<input id="try-most" type="number" min="1" value="256"></label>
        <label class="broad">Question<textarea id="try-text" rows="3" required></textarea></label>
        <button class="primary">Send</button>
        <button id="try-stop" type="button" hidden>Stop</button>
        </form>
        <div id="tried" data-live></div>
        </section>
        </section>
        <section id="view-config" aria-label="Configuration" hidden>
        <section class="card" id="nodes-card" hidden>
        <h2>Nodes</h2>
        <p id="nodes-server" class="soft" data-live></p>
        <ul id="nodes-warnings" class="alerts" data-live></ul>
        <div class="scroll" tabindex="0" role="region" aria-label="The nodes that share limits and keys"><table>
        <caption class="unseen">The nodes that share limits and keys</caption>
        <thead><tr><th scope="col">Node</th><th scope="col">State</th><th scope="col">Version</th><th scope="col">Generation</th><th scope="col">Configuration</th><th scope="col">Last seen</th></tr></thead>
        <tbody id="nodes" data-live></tbody></table></div>
        </section>
        <section class="card" id="configuration-card">
        <div class="head"><h2>Configuration</h2><button id="reload" type="button" hidden>Reload now</button></div>
        <div id="problems" data-live></div>
        <dl id="configuration" data-live></dl>
        <details id="running-details"><summary>As it runs, secrets masked</summary><pre id="running" tabindex="0" data-live></pre></details>
        </section>
        <section class="card" id="history-card">
        <h2>History</h2>
        <ol id="history" class="history" data-live></ol>
        </section>
        </section>
        <section id="view-alerts" aria-label="Alerts" hidden>
        <section class="card">
        <h2>Alerts</h2>
        <p id="alerts-note" class="soft" data-live></p>
        <ul id="alerts" class="alerts" data-live></ul>
        </section>
        </section>
        </div>
        </main>
        """##

    /// The scripts, in the order in which they need each other.
    static let script = ##"""
        "use strict";
        const $ = id => document.getElementById(id);
        const store = "proxyd-admin-key";
        const SVG = "http://www.w3.org/2000/svg";
        function make(tag, attributes, ...children) {
        const node = document.createElement(tag);
        for (const [name, value] of Object.entries(attributes || {})) {
        if (typeof value === "function") node.addEventListener(name.slice(2), value);
        else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
        }
        node.append(...children.filter(child => child !== null && child !== undefined && child !== false));
        return node;
        }
        function draw(tag, attributes, ...children) {
        const node = document.createElementNS(SVG, tag);
        for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
        node.append(...children);
        return node;
        }
        async function call(path, method = "GET", body, further) {
        const headers = { ...further };
        const key = sessionStorage.getItem(store);
        if (key && !headers["x-admin-key"]) headers["x-admin-key"] = key;
        if (body !== undefined) headers["content-type"] = "application/json";
        const answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) }).catch(() => {
        throw new Error(isIn ? "proxyd does not answer. What stands here is what it told last." : "proxyd does not answer.");
        });
        const value = await answer.json().catch(() => ({}));
        if (method !== "GET") kept.clear();
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
        const whole = new Intl.NumberFormat("en");
        const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
        const dollars = new Intl.NumberFormat("en", { style: "currency", currency: "USD" });
        const roundDollars = new Intl.NumberFormat("en", { style: "currency", currency: "USD", maximumFractionDigits: 0 });
        const shortDollars = new Intl.NumberFormat("en", { style: "currency", currency: "USD", notation: "compact", maximumFractionDigits: 1 });
        const smallDollars = new Intl.NumberFormat("en", { style: "currency", currency: "USD", minimumFractionDigits: 2, maximumFractionDigits: 4 });
        [whole, short, dollars, roundDollars, shortDollars, smallDollars].forEach(format => setTimeout(() => format.format(1)));
        const number = value => value < 100000 ? whole.format(value) : short.format(value);
        const counted = (value, word) => `${number(value)} ${word}${value === 1 ? "" : "s"}`;
        function usd(value) {
        if (value > 0 && value < 0.005) return "<$0.01";
        return value < 1000 ? dollars.format(value) : value < 100000 ? roundDollars.format(value) : shortDollars.format(value);
        }
        const fineUsd = value => value <= 0 || value >= 0.1 ? usd(value) : value < 0.0001 ? "<$0.0001" : smallDollars.format(value);
        const percent = share => share > 0 && share < 0.01 ? "<1%" : Math.round(share * 100) + "%";
        const time = text => text ? text.slice(0, 16).replace("T", " ") : "never";
        const month = day => new Date(day + "T00:00:00Z").toLocaleDateString("en", { month: "long", timeZone: "UTC" });
        const pill = (text, kind, title) => make("span", { class: "pill " + kind, title }, text);
        const cell = (...children) => make("td", {}, ...children);
        const wide = (...children) => make("td", { class: "wide" }, ...children);
        const count = value => make("td", { class: "num wide", title: whole.format(value) }, number(value));
        const under = (...children) => make("small", { class: "under" }, ...children);
        function fill(id, rows, columns, empty) {
        $(id).replaceChildren(...(rows.length ? rows
        : [make("tr", {}, make("td", { colspan: columns, class: "empty" }, empty))]));
        }
        function meter(share, kind, label) {
        const bar = draw("svg", { class: "meter " + kind, viewBox: "0 0 100 6", preserveAspectRatio: "none", role: "img", "aria-label": label });
        bar.append(draw("rect", { width: Math.max(0, Math.min(1, share)) * 100, height: 6 }));
        return bar;
        }
        const drawn = new Map();
        function redraw(name, show, ...values) {
        const text = JSON.stringify(values);
        if (drawn.get(name) === text) return;
        show(...values);
        drawn.set(name, text);
        }
        const seconds = milliseconds => milliseconds === null || milliseconds === undefined ? "–" : milliseconds < 1000 ? Math.round(milliseconds) + " ms"
        : milliseconds < 10000 ? (milliseconds / 1000).toFixed(1) + " s" : whole.format(Math.round(milliseconds / 1000)) + " s";
        let role = "";
        const mayChange = () => role === "admin";
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
        const kept = new Map();
        async function seldom(path, mark, troubles) {
        const [known, start] = [kept.get(path), performance.now()];
        if (known && (start < known.until || (mark !== null && known.mark === mark && start < known.old))) return known.value;
        const value = await ask(path, troubles);
        if (value === undefined) return known && known.value;
        const end = performance.now();
        if (kept.size > 100) kept.clear();
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
        function button(text, work, danger) {
        return make("button", { class: "small" + (danger ? " danger" : ""), type: "button", onclick: work }, text);
        }
        function bars(id, minutes, label, ...series) {
        const [width, height] = [240, 56];
        const tops = minutes.map(minute => series.reduce((sum, one) => sum + (one.read(minute) || 0), 0));
        const most = Math.max(...tops, 0);
        const chart = draw("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": label });
        chart.append(draw("line", { x1: 0, x2: width, y1: height - 0.5, y2: height - 0.5, class: "grid" }));
        const step = width / minutes.length;
        const below = minutes.map(() => 0);
        for (const one of series) {
        let path = "";
        minutes.forEach((minute, index) => {
        const value = one.read(minute) || 0;
        if (value <= 0 || most <= 0) return;
        const size = Math.max(0.8, value / most * (height - 4));
        path += `M${(index * step + step * 0.12).toFixed(2)} ${(height - 1 - below[index] - size).toFixed(2)}h${(step * 0.76).toFixed(2)}v${size.toFixed(2)}h${(-step * 0.76).toFixed(2)}z`;
        below[index] += size;
        });
        if (path) chart.append(draw("path", { d: path, class: one.kind }));
        }
        $(id).replaceChildren(chart);
        }
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
        const windows = { minute: "a minute", day: "today", month: "this month", total: "in all", now: "at once" };
        function amounts(figure) {
        const write = figure.kind === "cost" ? usd : number;
        const word = figure.kind === "cost" ? "" : figure.kind === "concurrency" ? " requests" : " " + figure.kind;
        return `${write(figure.used)} of ${write(figure.max).replace(/\.00$/, "")}${word} ${windows[figure.window] || figure.window}`;
        }
        const usedShare = figure => figure.max > 0 ? (figure.used + figure.reserved) / figure.max : 1;
        const full = figure => figure.remaining <= 0;
        const severity = figure => full(figure) ? "low" : usedShare(figure) >= 0.8 ? "near" : "";
        const blockedWords = until => until.startsWith("9999") ? "blocked" : "blocked until " + time(until).slice(5);
        function stand(figure) {
        return figure.blocked_until ? pill(blockedWords(figure.blocked_until), "bad") : full(figure) ? pill("used up", "bad") : null;
        }
        const kinds = ["cost", "tokens", "requests"];
        function telling(figures) {
        const lasting = figures.filter(figure => kinds.includes(figure.kind) && ["day", "month", "total"].includes(figure.window));
        return lasting.sort((a, b) => kinds.indexOf(a.kind) - kinds.indexOf(b.kind) || usedShare(b) - usedShare(a))[0];
        }
        function budget(figures) {
        const [figure, blocked] = [telling(figures), figures.find(figure => figure.blocked_until)];
        if (!figure && !blocked) return null;
        const title = figures.map(figure => `${figure.limit}: ${amounts(figure)}`).join("\n");
        return make("span", { class: "budget", title }, figure ? meter(usedShare(figure), severity(figure), percent(usedShare(figure)) + " used") : null,
        make("small", {}, figure ? amounts(figure) : null, " ", blocked ? stand(blocked) : figure && stand(figure)));
        }
        function tagOf(entry) {
        const found = /^key\.tags(?:\[(["'])(.+)\1\]|\.(\w+))$/.exec(entry.per || "");
        return found && (found[2] || found[3]);
        }
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
        function showLimits(figures, who, sum) {
        const act = (figure, name, path, body, question) => button(name, () => {
        if (question && !confirm(question)) return;
        attempt(async () => {
        await call(`limits/${encodeURIComponent(figure.limit)}/${path}`, "POST", { bucket: figure.bucket, ...body });
        await refresh();
        });
        }, path === "block");
        const rows = figures.map(figure => {
        const name = figure.name || who || figure.bucket;
        const ends = figure.window === "day" || figure.window === "month" ? time(figure.resets_at) : "–";
        const acts = !mayChange() ? [] : figure.blocked_until ? [act(figure, "Let through", "unblock")] : [
        act(figure, "Block 1 h", "block", { for: "1h" }, `Refuse “${name}” for an hour, and end what it has in flight?`), " ",
        act(figure, "Block", "block", {}, `Refuse “${name}” until somebody lets it through, and end what it has in flight?`), " ",
        figure.kind === "concurrency" ? null : act(figure, "Begin anew", "reset", {}, `Count “${name}” from zero in ${figure.limit}?`)];
        return make("tr", {},
        make("th", { scope: "row" }, name, make("small", { class: "block" }, figure.limit)),
        make("td", { class: "budget" }, meter(usedShare(figure), severity(figure), percent(usedShare(figure)) + " used"),
        make("small", {}, amounts(figure), " ", stand(figure))),
        make("td", { class: "nowrap wide" }, ends), make("td", { class: "acts" }, ...acts));
        });
        fill("limits", rows, 4, who ? "This key has no limit." : "Nothing is used of any limit.");
        $("limits-sum").textContent = sum;
        }
        async function loadLimits(troubles) {
        const who = $("limits-key").value.trim();
        if (who) return { who, report: await ask("limits?key=" + encodeURIComponent(who), troubles) };
        const report = await seldom("limits?nearest=50", null, troubles);
        return { who: "", report };
        }
        function presentLimits({ who, report }) {
        if (report === undefined) return;
        const figures = report ? report.limits : [];
        const sum = who ? (report ? "" : "there is no such key") : report.used > figures.length ? `the ${figures.length} nearest to their end, of ${whole.format(report.used)}` : "";
        redraw("limits", showLimits, figures, who, sum, mayChange());
        }
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
        const measure = rows => rows.some(row => row.cost_usd > 0) ? sum => sum.cost : sum => sum.tokens;
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
        const colours = 5;
        const colour = place => "s" + Math.min(place, colours);
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
        const longest = 15;
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
        let tagChosen = "";
        function tagNames(names, entries) {
        const limited = new Set(entries.map(tagOf));
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
        seldom(`usage?group_by=model&from=${last.slice(0, 8)}01&to=${last}`, day, troubles).then(rowsOf),
        dearest("key", "key_id", first, day, mark, troubles),
        tag === undefined ? { months: null, todays: null, figures: [] } : dearest("tag:" + tag, "tag:" + tag, first, day, mark, troubles),
        ]);
        return { usage, day, entries, names, tag, days, before: before && { day: last, rows: before }, who, tags };
        }
        let redrawDays = () => {};
        async function presentSpend({ usage, day, entries, names, tag, days, before, who, tags }, isStale) {
        const todaySum = sumUp((days || []).filter(row => row.day === day));
        const parts = [
        () => redraw("totals", showTotals, usage, days || null, before || null, day),
        () => {
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
        const shortened = text => text.length > 12 ? text.slice(0, 8) + "…" : text;
        function requestRow(request, day, ...more) {
        const when = request.time.startsWith(day) ? request.time.slice(11, 19) : time(request.time).slice(5);
        const conversation = [request.session, request.agent].filter(Boolean).map(shortened).join(" · ");
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
        seconds(request.duration_ms)), ...more);
        }
        function attemptTiming(step) {
        if (step.start_ms === null || step.start_ms === undefined) return null;
        const first = step.first_byte_ms === null ? "no answer" : `answered after ${seconds(step.first_byte_ms)}`;
        return make("small", { class: "block" }, `asked at ${seconds(step.start_ms)}, ${first}, took ${seconds(step.duration_ms)}`);
        }
        function story(request) {
        const facts = [["Request", make("code", {}, request.id)], ["Time", request.time],
        ["Key", `${request.key} (${request.key_id}), policy ${request.policy}`],
        ["Tags", Object.entries(request.tags || {}).map(([name, value]) => `${name}: ${value}`).join(", ") || null],
        ["Session", [request.session, request.agent].filter(Boolean).join(" · ") || null], ["Dialect", request.dialect],
        ["Asked for", request.model_asked], ["Rule", request.rule || null], ["Answered by", [request.upstream, request.account, request.model].filter(Boolean).join(" / ") || null],
        ["Ended", `${request.outcome}${request.status ? ", status " + request.status : ""}`],
        ["Timing", `first byte ${request.first_byte_ms === null ? "never" : "after " + seconds(request.first_byte_ms)}, whole after ${seconds(request.duration_ms)}`],
        ["Tokens", `${whole.format(request.input)} in, ${whole.format(request.cache_read)} read from the cache, ${whole.format(request.cache_write)} written to it, `
        + `${whole.format(request.output)} out` + (request.reasoning ? ` (${whole.format(request.reasoning)} reasoning)` : "") + `; ${request.source}`],
        ["Cost", request.cost_nano === null ? "no price" : "$" + (request.cost_nano / 1e9)]];
        const steps = (request.attempts || []).map(step => make("li", {}, make("b", {}, [step.tier, step.account].filter(Boolean).join(" / ") || "–"), " ",
        step.status ? pill(String(step.status), step.status < 400 ? "good" : "bad") : null, " ", step.reason || null, attemptTiming(step)));
        return make("div", { class: "story" },
        make("dl", {}, ...facts.filter(fact => fact[1]).flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)])),
        make("h3", {}, "Attempts"), steps.length ? make("ol", {}, ...steps) : make("p", { class: "soft" }, "The first that was asked answered."));
        }
        const openStories = new Set();
        function showRows(rows, day) {
        fill("rows", rows.flatMap(request => {
        const id = "story-" + request.id;
        const tale = make("tr", { id, hidden: !openStories.has(request.id) }, make("td", { colspan: 7 }, openStories.has(request.id) ? story(request) : null));
        const opener = button("Story", () => {
        if (openStories.has(request.id)) openStories.delete(request.id);
        else openStories.add(request.id);
        tale.hidden = !openStories.has(request.id);
        tale.children[0].replaceChildren(...(tale.hidden ? [] : [story(request)]));
        opener.setAttribute("aria-expanded", String(!tale.hidden));
        });
        opener.setAttribute("aria-expanded", String(openStories.has(request.id)));
        opener.setAttribute("aria-label", "Story of the request of " + request.time.slice(11, 19));
        return [requestRow(request, day, make("td", { class: "acts" }, opener)), tale];
        }), 7, "No request is like this.");
        }
        let rowsBefore = "";
        function instant(id) {
        const at = $(id).value && new Date($(id).value);
        return at && !Number.isNaN(at.getTime()) ? at.toISOString() : "";
        }
        async function loadRequests(troubles) {
        const wanted = { key: $("filter-key").value.trim(), model: $("filter-model").value.trim(), status: $("filter-status").value.trim(),
        since: instant("filter-since"), before: rowsBefore || instant("filter-until") };
        const query = Object.entries(wanted).filter(one => one[1]).map(([name, value]) => `&${name}=${encodeURIComponent(value)}`).join("");
        return ask("requests?limit=50" + query, troubles);
        }
        function presentRequests(page) {
        if (page === undefined) return;
        redraw("rows", showRows, page ? page.requests : [], dayOf(page ? page.requests : []));
        $("rows-newest").hidden = !rowsBefore;
        $("rows-older").hidden = !(page && page.next);
        rowsNext = (page && page.next) || "";
        }
        let rowsNext = "";
        $("filter").addEventListener("submit", event => {
        event.preventDefault();
        rowsBefore = "";
        attempt(refresh);
        });
        $("rows-older").addEventListener("click", () => { rowsBefore = rowsNext; attempt(refresh); });
        $("rows-newest").addEventListener("click", () => { rowsBefore = ""; attempt(refresh); });
        function tagsOf(named) {
        const all = Object.entries(named || {});
        return all.length ? make("small", { class: "block" }, all.map(([name, value]) => `${name}: ${value}`).join(" · ")) : null;
        }
        function writtenTags(text) {
        const tags = {};
        for (const part of text.split(",").map(one => one.trim()).filter(Boolean)) {
        const place = part.indexOf("=");
        if (place < 1) throw new Error(`“${part}” is no tag: write name=value, with a comma between them`);
        tags[part.slice(0, place).trim()] = part.slice(place + 1).trim();
        }
        return tags;
        }
        const endOfDay = day => day ? new Date(day + "T23:59:59").toISOString().replace(/\.\d+Z$/, "Z") : null;
        const isOver = key => Boolean(key.expires) && new Date(key.expires) <= new Date();
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
        const stateKinds = { ready: "good", cooling: "warn", out_of_quota: "warn", failing: "bad", refused: "bad", out_of_money: "bad", drained: "" };
        function away(text) {
        const minutes = Math.ceil((Date.parse(text) - Date.now()) / 60000);
        if (minutes < 1) return "now";
        if (minutes < 120) return `in ${minutes} min`;
        return minutes < 2880 ? `in ${Math.floor(minutes / 60)} h` : `in ${Math.floor(minutes / 1440)} days`;
        }
        const windowsShown = 5;
        function leftOf(window) {
        const ofModels = !window.models.length || window.models[0] === "*" ? null : window.models[0] + (window.models.length > 1 ? ` and ${window.models.length - 1} more` : "");
        const isKnown = window.share !== null;
        const amount = window.kind === "cost" ? usd : number;
        const numbers = window.limit !== null && window.remaining !== null ? `${amount(window.remaining)} of ${amount(window.limit)}` : null;
        const ends = window.resets_at ? "full " + away(window.resets_at) : null;
        const forecast = window.runs_out_at ? make("span", { class: "unpriced" }, "runs out " + away(window.runs_out_at)) : null;
        const title = "known from: " + window.source + (window.resets_at ? ", full at " + time(window.resets_at) : "");
        const kind = !isKnown ? "none" : window.share < 0.05 ? "low" : window.share < 0.2 ? "near" : "left";
        const facts = [ofModels, numbers, ends].filter(Boolean).join(" · ");
        return make("div", { class: "window", title }, make("span", {}, window.kind),
        meter(isKnown ? window.share : 0, kind, `${window.kind}: ${isKnown ? percent(window.share) + " left" : "unknown"}`),
        make("span", { class: "num" }, isKnown ? percent(window.share) : "–"),
        facts || forecast ? make("small", {}, facts, facts && forecast ? " · " : null, forecast) : null);
        }
        function windowsOf(account) {
        const sorted = [...account.windows].sort((a, b) => (a.share ?? 2) - (b.share ?? 2));
        const more = sorted.length - windowsShown + (account.more_windows || 0);
        const lines = sorted.slice(0, windowsShown).map(leftOf);
        return lines.length ? [...lines, more > 0 ? make("small", {}, `and ${whole.format(more)} more`) : null]
        : [make("small", {}, "nothing is told")];
        }
        function whyOf(account) {
        const ends = account.until ? ` until ${time(account.until).slice(5)}` : "";
        if (account.reason) return make("small", { class: "block" }, account.reason, ends);
        return ends ? make("small", { class: "block" }, ends.trim()) : null;
        }
        function restsOf(account) {
        const shown = account.cooldowns.slice(0, 3).map(rest => `${rest.model} until ${time(rest.until).slice(11)} (${rest.reason})`);
        const more = account.cooldowns.length - shown.length + (account.more_cooldowns || 0);
        return shown.length ? make("small", { class: "block" }, shown.join(", ") + (more > 0 ? `, and ${whole.format(more)} more` : "")) : null;
        }
        function lastOf(account) {
        const last = account.last_error;
        return last ? make("small", { class: "block" }, `last failure ${time(last.at).slice(5)}: ${last.reason}`) : null;
        }
        function showAccounts(list) {
        const act = (account, name, path) => button(name, () => {
        if (path === "drain" && !confirm(`Take no new requests to “${account.account}” of ${account.upstream}?`)) return;
        const place = `accounts/${encodeURIComponent(account.upstream)}/${encodeURIComponent(account.account)}/`;
        attempt(async () => { await call(place + path, "POST"); await refresh(); });
        });
        fill("accounts", list.map(account => {
        const served = account.success_rate === null ? null : make("small", { class: "block" }, percent(account.success_rate) + " served");
        return make("tr", {},
        make("th", { scope: "row" }, account.account, make("small", { class: "block" }, account.upstream),
        under(`${number(account.in_flight)} in flight · ${counted(account.failures, "failure")}`)),
        cell(pill(account.state.replaceAll("_", " "), stateKinds[account.state] || ""), whyOf(account), restsOf(account), lastOf(account)),
        make("td", { class: "left" }, ...windowsOf(account)),
        count(account.in_flight), make("td", { class: "num wide" }, number(account.failures), served),
        make("td", { class: "acts" }, ...(!mayChange() ? [] : [account.state === "ready" ? null : act(account, "Free", "free"), " ",
        account.state === "drained" ? null : act(account, "Drain", "drain")])));
        }), 6, "No upstream is configured.");
        }
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
        const loadAccounts = troubles => ask("fallback", troubles);
        function presentAccounts(fallback) {
        const ageless = account => ({ ...account, windows: account.windows.map(window => ({ ...window, age_s: undefined })) });
        panel("fallback-card", showFallback, fallback && { ...fallback, accounts: undefined, upstreams: undefined });
        panel("accounts-card", showAccounts, fallback && fallback.accounts.map(ageless), Math.floor(Date.now() / 60000), mayChange());
        }
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
        const dialects = {
        anthropic: {
        path: () => "../v1/messages", headers: key => ({ "x-api-key": key, "anthropic-version": "2023-06-01" }),
        body: (model, text, most) => ({ model, max_tokens: most, stream: true, messages: [{ role: "user", content: text }] }),
        read: event => event.delta && (event.delta.text || event.delta.thinking || ""),
        },
        openai: {
        path: () => "../v1/chat/completions", headers: key => ({ authorization: "Bearer " + key }),
        body: (model, text, most) => ({ model, max_tokens: most, stream: true, messages: [{ role: "user", content: text }] }),
        read: event => event.choices && event.choices[0] && event.choices[0].delta && (event.choices[0].delta.content || ""),
        },
        responses: {
        path: () => "../v1/responses", headers: key => ({ authorization: "Bearer " + key }),
        body: (model, text, most) => ({ model, max_output_tokens: most, stream: true, input: text }),
        read: event => event.type === "response.output_text.delta" ? event.delta : "",
        },
        gemini: {
        path: model => `../v1beta/models/${encodeURIComponent(model)}:streamGenerateContent?alt=sse`, headers: key => ({ "x-goog-api-key": key }),
        body: (_model, text, most) => ({ contents: [{ role: "user", parts: [{ text }] }], generationConfig: { maxOutputTokens: most } }),
        read: event => event.candidates && event.candidates[0] && event.candidates[0].content && (event.candidates[0].content.parts || []).map(part => part.text || "").join(""),
        },
        };
        let trial = null;
        function endTrial() {
        if (trial) trial.abort();
        trial = null;
        $("try-stop").hidden = true;
        }
        async function sendTrial(dialect, model, key, text, most, trial) {
        const start = performance.now();
        const [head, said] = [make("p", { role: "status" }, "sent …"), make("pre", { class: "said", tabindex: "0", "aria-label": "The answer" })];
        $("tried").replaceChildren(head, said);
        const answer = await fetch(dialect.path(model), {
        method: "POST", headers: { ...dialect.headers(key), "content-type": "application/json" }, body: JSON.stringify(dialect.body(model, text, most)),
        credentials: "omit", signal: trial.signal,
        }).catch(() => { throw new Error("proxyd does not answer."); });
        const way = ["rule", "tier", "upstream", "account", "model", "attempts", "lossy"].map(name => [name, answer.headers.get("x-proxyd-" + name)]).filter(one => one[1]);
        const shape = (...more) => head.replaceChildren(pill(String(answer.status), answer.ok ? "good" : "bad"), " ",
        make("small", {}, [...more, ...way.map(([name, value]) => `${name}: ${value}`), answer.headers.get("x-request-id")].filter(Boolean).join(" · ")));
        shape();
        if (!answer.ok) {
        said.textContent = await answer.text();
        if (answer.status === 404) said.append("\n(Where the admin plane has a listener of its own, clients are served at another address.)");
        return;
        }
        const [reader, decoder] = [answer.body.getReader(), new TextDecoder()];
        let [rest, first] = ["", null];
        for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        first ??= performance.now() - start;
        const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
        rest = lines.pop();
        for (const line of lines.filter(line => line.startsWith("data:"))) {
        try {
        const event = JSON.parse(line.slice(5));
        const piece = dialect.read(event);
        if (piece) said.append(piece);
        if (event.error || event.type === "error") said.append("\n" + line.slice(5).trim());
        } catch {
        }
        }
        }
        shape(`first byte after ${seconds(first)}`, `whole after ${seconds(performance.now() - start)}`);
        }
        $("try").addEventListener("submit", event => {
        event.preventDefault();
        endTrial();
        const mine = trial = new AbortController();
        $("try-stop").hidden = false;
        sendTrial(dialects[$("try-dialect").value], $("try-model").value.trim(), $("try-key").value, $("try-text").value, Number($("try-most").value) || 256, mine)
        .catch(failure => { if (!mine.signal.aborted) $("tried").replaceChildren(make("p", { class: "bad block" }, failure.message)); })
        .finally(() => { if (trial === mine) endTrial(); });
        });
        $("try-stop").addEventListener("click", endTrial);
        function showNodes(report) {
        const server = report.limits;
        const kinds = { ok: "good", away: "bad", connecting: "warn" };
        $("nodes-server").replaceChildren(...(server
        ? ["Limits are shared by ", make("code", {}, server.address), " ", pill(server.status, kinds[server.status] || ""), server.reason ? " " + server.reason : ""]
        : ["No server is shared."]));
        $("nodes-warnings").replaceChildren(...report.warnings.map(text => make("li", { class: "alert warn" }, text)));
        $("nodes").replaceChildren(...report.nodes.map(node => make("tr", {},
        make("td", {}, node.name, node.self ? make("small", {}, " this one") : null), make("td", {}, pill(node.state, { live: "good", unknown: "warn" }[node.state] || "bad")),
        make("td", {}, node.version), make("td", {}, String(node.generation)), make("td", {}, make("code", {}, node.hash.slice(0, 12))),
        make("td", {}, time(node.last_seen)))));
        }
        function presentNodes(report) {
        if (report === undefined) return;
        const isThere = Boolean(report && report.node && (report.limits || report.nodes.length > 1));
        $("nodes-card").hidden = !isThere;
        if (isThere) redraw("nodes", showNodes, { ...report, nodes: report.nodes.map(node => node.state === "live" ? { ...node, last_seen: node.last_seen.slice(0, 16), last_seen_ms_ago: 0 } : node) });
        }
        let generation = "";
        const running = troubles => seldom("config", generation, troubles);
        function problem(diagnostic) {
        return make("div", { class: "problem " + (diagnostic.severity === "warning" ? "warn" : "bad") }, make("code", {}, diagnostic.text),
        diagnostic.excerpt ? make("pre", { tabindex: "0" }, diagnostic.excerpt) : null);
        }
        function change(one) {
        return make("li", {}, make("code", {}, one.path), " ",
        one.old === null ? make("ins", {}, one.new) : one.new === null ? make("del", {}, one.old) : make("span", {}, make("del", {}, one.old), " → ", make("ins", {}, one.new)));
        }
        function showHistory(history) {
        const kinds = { applied: "good", refused: "bad", started: "", canary: "warn", taken_back: "bad", replaced: "" };
        $("history").replaceChildren(...history.slice(0, 20).map((event, place) => {
        const shown = event.changes.slice(0, 50);
        const more = event.changes.length - shown.length;
        const list = shown.length ? make("ul", { class: "changes" }, ...shown.map(change), more > 0 ? make("li", {}, `and ${whole.format(more)} more`) : null) : null;
        const title = make("span", {}, time(event.time), " ", pill(event.result.replace("_", " "), kinds[event.result]), ` generation ${event.generation}`,
        event.trigger ? make("small", {}, " by " + event.trigger) : null, event.words.length || event.summary ? make("span", { class: "block" }, event.words.length ? event.words.slice(0, 12).join("; ") : event.summary) : null,
        event.why ? make("small", { class: "block" }, event.why) : null);
        const details = list && make("details", { open: place === 0 }, make("summary", {}, counted(event.changes.length, "value")), list);
        return make("li", {}, title, details, ...event.errors.map(problem));
        }));
        }
        function showConfiguration(config, history) {
        const refused = history && history[0] && history[0].result === "refused" ? history[0].errors : [];
        const told = refused.length ? refused : config.diagnostics.length ? config.diagnostics : config.error ? [config.error] : [];
        $("problems").replaceChildren(
        told.length ? make("p", { class: "bad block" }, "The file is refused; what ran before goes on.") : "", ...[...told, ...config.warnings].map(problem));
        const facts = [["Generation", config.generation], ["Loaded", time(config.loaded_at)], ["Hash", make("code", {}, config.hash)],
        ["Time zone", config.config.timezone]];
        $("configuration").replaceChildren(...facts.flatMap(([name, value]) =>
        [make("dt", {}, name), make("dd", {}, value instanceof Node ? value : String(value))]));
        shownConfig = config.config;
        if ($("running-details").open) showRunning();
        }
        let shownConfig = null;
        function showRunning() {
        const text = JSON.stringify(shownConfig, null, 2);
        $("running").textContent = text.length > 100000 ? text.slice(0, 100000) + "\n… the rest is at GET /admin/config" : text;
        }
        async function loadConfiguration(troubles) {
        const [config, history, nodes] = await Promise.all([ask("config", troubles), ask("config/history", troubles), ask("nodes", troubles)]);
        return { config, history: history && history.history, nodes };
        }
        function presentConfiguration({ config, history, nodes }) {
        presentNodes(nodes);
        $("reload").hidden = !mayChange();
        panel("configuration-card", showConfiguration, config && { ...config, now: undefined }, history || []);
        panel("history-card", showHistory, history);
        }
        $("running-details").addEventListener("toggle", () => { if ($("running-details").open && shownConfig) showRunning(); });
        $("reload").addEventListener("click", () => attempt(async () => {
        try {
        const result = await call("reload", "POST");
        say(result.status === "canary" ? "Some keys try generation " + result.generation + " now." : result.changed ? "Generation " + result.generation + (result.changes ? ": " + result.changes : "") + "." : "The file is what runs already.", "good");
        } catch (failure) {
        if (failure.status !== 422) throw failure;
        say(failure.message, "bad");
        }
        await refresh();
        }));
        function alertItem(alert) {
        const labels = Object.entries(alert.labels || {}).map(([name, value]) => `${name}: ${value}`).join(" · ");
        return make("li", { class: "alert " + (alert.severity === "critical" ? "bad" : "warn") }, make("b", { class: "block" }, alert.alert.replaceAll("_", " ")), " ", alert.text,
        make("small", { class: "block" }, [alert.since ? "since " + time(alert.since) : null, labels].filter(Boolean).join(" · ")));
        }
        function showAlerts(report) {
        const active = report.alerts;
        $("alerts").replaceChildren(...active.map(alertItem));
        $("alerts-note").textContent = (active.length ? `${counted(active.length, "alert")} now, the worst first.` : "Nothing is wrong that an alert would tell of.")
        + (report.webhook ? " They are told to the webhook too." : " No webhook is told of them: alerts.webhook of the file names one.")
        + (report.dropped ? ` ${counted(report.dropped, "message")} could not be delivered.` : "");
        $("alarms").replaceChildren(...(active.length ? [make("ul", { class: "alerts" }, ...active.slice(0, 5).map(alertItem))] : []));
        $("to-alerts").replaceChildren("Alerts", ...(active.length ? [" ", make("span", { class: "pill bad" }, String(active.length))] : []));
        }
        const views = {
        now: { load: loadNow, show: presentNow, every: 3000 },
        spend: { load: loadSpend, show: presentSpend, every: 15000 },
        keys: { load: loadKeys, show: presentKeys, every: 15000 },
        accounts: { load: loadAccounts, show: presentAccounts, every: 5000 },
        limits: { load: loadLimits, show: presentLimits, every: 15000 },
        requests: { load: loadRequests, show: presentRequests, every: 5000 },
        explain: { load: async () => null, show: () => {}, every: 15000 },
        try: { load: async () => null, show: () => {}, every: 15000 },
        config: { load: loadConfiguration, show: presentConfiguration, every: 5000 },
        alerts: { load: async () => null, show: () => {}, every: 5000 },
        };
        const viewOf = hash => Object.hasOwn(views, hash.slice(1)) ? hash.slice(1) : "now";
        let current = "now";
        function turn() {
        current = viewOf(location.hash);
        for (const name of Object.keys(views)) {
        $("view-" + name).hidden = name !== current;
        $("to-" + name).setAttribute("aria-current", name === current ? "page" : "false");
        }
        }
        let isIn = false;
        let visits = 0;
        function lock(text) {
        visits += 1;
        const [wasIn, hadKey] = [isIn, sessionStorage.getItem(store)];
        isIn = false;
        looks += 1;
        sessionStorage.removeItem(store);
        endTrial();
        for (const id of ["house", "nav", "leave", "state", "edit-card", "create-card", "to-alerts"]) $(id).hidden = true;
        dropFresh();
        for (const id of ["find", "limits-key", "filter-key", "filter-model", "filter-status", "explain-model", "explain-key", "try-key", "try-model", "try-text"]) $(id).value = "";
        document.querySelectorAll("[data-live]").forEach(node => node.replaceChildren());
        for (const memory of [drawn, kept, openStories]) memory.clear();
        [tagChosen, redrawDays, keyPages, rowsBefore, shownConfig, hourShown, role, generation, edited, hasAlerts, daysShown] = ["", () => {}, [""], "", null, [], "", "", null, true, []];
        $("door").hidden = false;
        $("secret").value = "";
        $("secret").focus();
        say(text || "", text ? "bad" : "");
        if (wasIn && !hadKey && !text) call("logout", "POST").catch(() => {});
        askForWays();
        }
        async function askForWays() {
        const told = await call("login").catch(() => ({}));
        const names = { oidc: "Sign in with your organization", lark: "Sign in with Lark" };
        const links = (Array.isArray(told.ways) ? told.ways : []).filter(way => way.begin && String(way.begin).startsWith("/admin/"));
        $("ways").replaceChildren(...links.map(way => make("a", { class: "primary", href: way.begin }, names[way.kind] || "Sign in: " + way.kind)));
        $("ways").hidden = !links.length;
        $("unlock").hidden = links.length > 0 && !told.ways.some(way => way.kind === "key");
        }
        async function enter(key) {
        sessionStorage.removeItem(store);
        try {
        await call("login", "POST", undefined, { "x-admin-key": key });
        } catch (failure) {
        if (failure.status !== 404 && failure.status !== 405) throw failure;
        sessionStorage.setItem(store, key);
        }
        await refresh();
        }
        let isTroubled = false;
        async function attempt(work) {
        const visit = visits;
        try {
        return await work();
        } catch (failure) {
        if (visit !== visits) return;
        const isRole = isIn && failure.value && failure.value.error && failure.value.error.type === "role_forbidden";
        if (failure.status === 401 || (failure.status === 403 && !isRole)) return lock(failure.message);
        isTroubled = work === refresh;
        say(failure.message, "bad");
        }
        }
        let serverDay = "";
        const today = told => serverDay = told ? told.slice(0, 10) : serverDay;
        const dayOf = requests => requests.reduce((day, request) => request.time > day ? request.time.slice(0, 10) : day, today());
        function showState(health) {
        const config = health.config || {};
        $("state").textContent = (config.error ? "file refused, generation " : "generation ") + config.generation;
        $("state").className = "badge " + (config.error ? "bad" : health.status === "ok" ? "good" : "warn");
        $("state").hidden = false;
        }
        function showSilence() {
        $("state").textContent = "no answer";
        $("state").className = "badge bad";
        }
        const healthOf = troubles => call("../health").catch(failure => failure.value && failure.value.config ? failure.value : (troubles.push(failure), null));
        let looks = 0;
        let hasAlerts = true;
        let nextLook = Infinity;
        async function refresh() {
        const [look, view, troubles] = [++looks, views[current], []];
        nextLook = Infinity;
        try {
        const caller = role ? null : await call("whoami");
        const [health, alerts] = await Promise.all([healthOf(troubles), hasAlerts ? ask("alerts", troubles) : null]);
        hasAlerts = alerts !== null;
        if (look !== looks) return;
        if (health && health.config) generation = String(health.config.generation);
        const data = await view.load(troubles);
        if (look !== looks) return;
        isIn = true;
        if (caller) {
        role = caller.role;
        $("who-am-i").textContent = caller.name + (caller.role === "admin" ? "" : ", " + caller.role);
        }
        $("door").hidden = true;
        for (const id of ["house", "nav", "leave"]) $(id).hidden = false;
        if (health && health.config) redraw("state", showState, { config: health.config, status: health.status });
        else if (!health) redraw("state", showSilence);
        $("to-alerts").hidden = alerts === null;
        if (alerts) redraw("alerts", showAlerts, alerts);
        await view.show(data, () => look !== looks);
        if (look !== looks) return;
        if (troubles.length) say(troubles[0].message, "bad");
        else if (isTroubled) say("", "");
        isTroubled = troubles.length > 0;
        } finally {
        if (look === looks) nextLook = performance.now() + view.every;
        }
        }
        $("unlock").addEventListener("submit", event => {
        event.preventDefault();
        say("", "");
        attempt(() => enter($("secret").value));
        });
        $("leave").addEventListener("click", () => lock());
        addEventListener("hashchange", () => {
        turn();
        if (isIn && !isTroubled) say("", "");
        if (isIn) attempt(refresh);
        });
        document.addEventListener("visibilitychange", () => {
        if (!document.hidden && isIn) attempt(refresh);
        });
        setInterval(() => {
        if (isIn && !document.hidden && performance.now() >= nextLook) attempt(refresh);
        }, 1000);
        $("live-details").addEventListener("toggle", () => { if ($("live-details").open) showHourTable(hourShown); });
        turn();
        attempt(() => refresh().catch(failure => {
        if (failure.status === 401 && !sessionStorage.getItem(store)) return lock();
        throw failure;
        }));
        """##
}
