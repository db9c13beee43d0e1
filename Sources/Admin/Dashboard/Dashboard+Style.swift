extension Dashboard {
    static let style = #"""
        :root {
          color-scheme: light dark;
          --ground: #f5f6f8; --card: #fff; --line: #e1e4ea; --text: #1a1d24; --soft: #626a78;
          --accent: #2f6fde; --good: #18794e; --good-ground: #e3f5ea; --warn: #92580a; --warn-ground: #fdf1d9;
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
        header { display: flex; align-items: center; gap: 0.75rem; margin-bottom: 1rem; flex-wrap: wrap; }
        h1 { font-size: 1.25rem; margin: 0; letter-spacing: -0.01em; }
        h2 { font-size: 1rem; margin: 0 0 0.75rem; }
        h3 { font-size: 0.875rem; margin: 1.25rem 0 0.5rem; }
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
          white-space: nowrap; background: var(--line); color: var(--soft);
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
        #accounts td { vertical-align: top; }
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
          .tile b { font-size: 1.25rem; }
          header button { font-size: 0.875rem; padding: 0.25rem 0.5rem; min-height: 2rem; }
          #limits th { width: 46%; }
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
        .fresh { background: var(--good-ground); border-radius: 7px; padding: 0.75rem 1rem; margin-bottom: 0.75rem; }
        .fresh p { margin: 0 0 0.5rem; color: var(--good); font-weight: 600; }
        .fresh code { flex: 1; overflow-wrap: anywhere; user-select: all; }
        #notice { border-radius: 7px; padding: 0.5rem 0.875rem; margin: 0 0 1rem; }
        #problems p { border-radius: 7px; padding: 0.5rem 0.875rem; margin: 0 0 0.5rem; overflow-wrap: anywhere; }
        dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.25rem 1.25rem; margin: 0 0 0.75rem; }
        dt { color: var(--soft); }
        dd { margin: 0; overflow-wrap: anywhere; }
        summary { cursor: pointer; color: var(--soft); }
        """#
}
