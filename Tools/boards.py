#!/usr/bin/env python3
"""Writes deploy/grafana/{overview,spend,accounts}.json, the boards. --check: says whether they are fresh, and
whether each metric that boards and alert rules ask for is there. --queries: prints each query."""
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / "deploy/grafana"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
RATE = "$__rate_interval"


def of(name, labels=""):
    """A metric of the processes that the board is asked for."""
    return f'{name}{{instance=~"$instance"{"," + labels if labels else ""}}}'


def rate(name, labels="", by="", over=RATE):
    return f"sum{' by (' + by + ')' if by else ''} (rate({of(name, labels)}[{over}]))"


def increase(name, labels="", by="", over="$__range"):
    return f"sum{' by (' + by + ')' if by else ''} (increase({of(name, labels)}[{over}]))"


def quantile(share, name, by=""):
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, {rate(name + '_bucket', by=labels)})"


def least(query):
    """What has not happened yet is none of it."""
    return f"{query} or on () vector(0)"


class Panel:
    def __init__(self, kind, title, about, unit, *targets, width=8, height=8, **more):
        self.kind, self.title, self.about, self.unit, self.targets = kind, title, about, unit, targets
        self.width, self.height, self.more = width, height, more

    def queries(self):
        return [query for query, _legend in self.targets]

    def written(self, number, x, y):
        targets = [
            {
                "datasource": SOURCE,
                "expr": query,
                "legendFormat": legend,
                "refId": chr(ord("A") + index),
                **({"format": "table", "instant": True} if self.kind in ("table", "bargauge", "stat") else {}),
            }
            for index, (query, legend) in enumerate(self.targets)
        ]
        if self.kind in ("stat", "bargauge"):
            for target in targets:
                target["format"] = "time_series"
        defaults = {"unit": self.unit, **self.more}
        if self.kind == "timeseries":
            defaults["custom"] = {"fillOpacity": 8, "lineWidth": 1, "showPoints": "never"}
        options = {
            "timeseries": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}},
            "stat": {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "value", "graphMode": "none"},
            "bargauge": {"reduceOptions": {"calcs": ["lastNotNull"]}, "orientation": "horizontal", "displayMode": "basic"},
            "table": {"showHeader": True},
        }[self.kind]
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.about,
            "datasource": SOURCE,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "fieldConfig": {"defaults": defaults, "overrides": []},
            "options": options,
            "targets": targets,
        }


def stat(title, about, unit, query, *steps, **more):
    """A number; `steps` are (value from which on, colour), the first colour holds below."""
    thresholds = {"mode": "absolute", "steps": [{"value": value, "color": color} for value, color in steps or [(None, "blue")]]}
    return Panel("stat", title, about, unit, (query, ""), width=4, height=4, thresholds=thresholds, **more)


def graph(title, about, unit, *targets, **more):
    return Panel("timeseries", title, about, unit, *targets, **more)


def bars(title, about, unit, *targets, **more):
    return Panel("bargauge", title, about, unit, *targets, **more)


GOOD, WARN, BAD = "green", "orange", "red"
ERRORS = f"({least(rate('proxyd_requests_total', 'status=~' + chr(34) + '5..' + chr(34)))}) / clamp_min({rate('proxyd_requests_total')}, 1e-9)"
SPENT = "proxyd_cost_usd_total"
TOKENS = "proxyd_tokens_total"
USED = f"{of('proxyd_limit_used')} / {of('proxyd_limit_max')}"
INPUT = 'kind=~"input|cache_read|cache_write"'

OVERVIEW = [
    stat("Requests", "Requests of clients that were answered, a second.", "reqps", rate("proxyd_requests_total")),
    stat("Errors", "Share of them that was answered 5xx.", "percentunit", ERRORS, (None, GOOD), (0.01, WARN), (0.05, BAD)),
    stat("First byte, p95", "Time to the first byte of an answer: 95 of 100 are faster.", "s", quantile(0.95, "proxyd_first_byte_seconds")),
    stat("Being served", "Requests that are not over.", "short", f"sum({of('proxyd_active_requests')})"),
    stat("Spent in an hour", "What the last hour cost.", "currencyUSD", least(increase(SPENT, over="1h"))),
    stat("Accounts out", "Accounts that take no requests.", "short", least(f"count({of('proxyd_account_up')} == 0)"), (None, GOOD), (1, WARN)),
    stat(
        "Configuration",
        "1: the file that was read last runs. 0: it was refused.",
        "short",
        f"min({of('proxyd_config_last_reload_success')})",
        (None, BAD),
        (1, GOOD),
    ),
    stat("Storage failing", "1 while usage cannot be written.", "short", f"max({of('proxyd_storage_failing')})", (None, GOOD), (1, BAD)),
    stat(
        "Certificate ends in",
        "The first of the listeners' certificates to end; none where nobody listens with TLS.",
        "s",
        f"min({of('proxyd_tls_not_after_seconds')} - time())",
        (None, BAD),
        (14 * 86_400, GOOD),
        noValue="no TLS",
    ),
    stat(
        "Unaccounted, 24 h",
        "Requests whose usage could not be written.",
        "short",
        increase("proxyd_unaccounted_requests_total", over="24h"),
        (None, GOOD),
        (1, BAD),
    ),
    stat("Up since", "Start of the process.", "dateTimeFromNow", f"min({of('process_start_time_seconds')}) * 1000"),
    Panel("stat", "Version", "What runs.", "short", (of("proxyd_build_info"), "{{version}}"), width=4, height=4),
    graph("Requests by status", "0: the client was gone before it got one.", "reqps", (rate("proxyd_requests_total", by="status"), "{{status}}")),
    graph("Requests by model", "The model that answered.", "reqps", (rate("proxyd_requests_total", by="model"), "{{model}}")),
    graph("Requests by upstream", "Empty: nobody was asked.", "reqps", (rate("proxyd_requests_total", by="upstream"), "{{upstream}}")),
    graph(
        "First byte",
        "From a request's head to the first byte of its answer.",
        "s",
        *((quantile(share, "proxyd_first_byte_seconds"), f"p{int(share * 100)}") for share in (0.5, 0.95, 0.99)),
    ),
    graph(
        "Whole answer",
        "From a request's head to the end of its answer.",
        "s",
        *((quantile(share, "proxyd_request_seconds"), f"p{int(share * 100)}") for share in (0.5, 0.95, 0.99)),
    ),
    graph(
        "First byte by model, p95",
        "Of each upstream's models.",
        "s",
        (quantile(0.95, "proxyd_first_byte_seconds", "upstream, model"), "{{upstream}}/{{model}}"),
    ),
    graph(
        "How requests ended",
        "Who ended them, and in which stage.",
        "reqps",
        (rate("proxyd_outcomes_total", by="ended_by, stage"), "{{ended_by}}/{{stage}}"),
    ),
    graph("Attempts", "At accounts, by what came of them.", "reqps", (rate("proxyd_upstream_attempts_total", by="result"), "{{result}}")),
    graph("Sent on", "To another account or tier, by reason.", "reqps", (least(rate("proxyd_fallbacks_total", by="reason")), "{{reason}}")),
    graph(
        "Connections",
        "Of clients: open, and turned away.",
        "short",
        (f"sum({of('proxyd_open_connections')})", "open"),
        (least(rate("proxyd_connections_refused_total")), "refused a second"),
        (least(rate("proxyd_connections_evicted_total")), "evicted a second"),
    ),
    graph(
        "Probes, scrapes, operators",
        "Requests that are in no other count, and wrong admin keys.",
        "reqps",
        (rate("proxyd_admin_requests_total"), "served"),
        (least(rate("proxyd_admin_keys_refused_total")), "wrong keys"),
    ),
    graph(
        "What is lost",
        "Log lines, spans and events that nobody took; requests without an account.",
        "short",
        (increase("proxyd_log_lines_lost_total", over="5m"), "log lines"),
        (increase("proxyd_telemetry_dropped_total", over="5m"), "spans"),
        (increase("proxyd_events_dropped_total", over="5m"), "events"),
        (increase("proxyd_unaccounted_requests_total", over="5m"), "unaccounted requests"),
    ),
    graph("Processor", "Cores in use.", "short", (f"rate({of('process_cpu_seconds_total')}[{RATE}])", "{{instance}}")),
    graph("Memory", "Resident.", "bytes", (of("process_resident_memory_bytes"), "{{instance}}")),
    graph(
        "Configuration",
        "Its number, and what became of attempts to load another one.",
        "short",
        (of("proxyd_config_generation"), "generation"),
        (least(increase("proxyd_config_reloads_total", by="result", over="5m")), "{{result}}"),
    ),
]

SPEND = [
    stat("Spent", "In the time that is shown.", "currencyUSD", least(increase(SPENT))),
    stat("An hour", "At the rate of the last five minutes.", "currencyUSD", least(f"{rate(SPENT, over='5m')} * 3600")),
    stat("Tokens in", "In the time that is shown, caches in them.", "short", least(increase(TOKENS, INPUT))),
    stat("Tokens out", "In the time that is shown.", "short", least(increase(TOKENS, 'kind="output"'))),
    stat(
        "Out of caches",
        "Share of the input that a prompt cache served.",
        "percentunit",
        f"({least(increase(TOKENS, 'kind=' + chr(34) + 'cache_read' + chr(34)))}) / clamp_min({increase(TOKENS, INPUT)}, 1)",
    ),
    stat(
        "Without a price",
        "Requests of models whose price is not known.",
        "short",
        least(increase("proxyd_unpriced_requests_total")),
        (None, GOOD),
        (1, WARN),
    ),
    graph("Money by key", "The ten dearest, an hour.", "currencyUSD", (f"topk(10, {rate(SPENT, by='key')} * 3600)", "{{key}}"), width=12),
    graph("Money by model", "The ten dearest, an hour.", "currencyUSD", (f"topk(10, {rate(SPENT, by='model')} * 3600)", "{{model}}"), width=12),
    graph("Tokens by kind", "A second.", "short", (rate(TOKENS, by="kind"), "{{kind}}"), width=12),
    graph("Tokens by key", "The ten that use most, a second.", "short", (f"topk(10, {rate(TOKENS, by='key')})", "{{key}}"), width=12),
    bars("Keys", "What the twenty dearest cost in the time that is shown.", "currencyUSD", (f"topk(20, {increase(SPENT, by='key')})", "{{key}}")),
    bars("Models", "What they cost in the time that is shown.", "currencyUSD", (f"topk(20, {increase(SPENT, by='model')})", "{{model}}")),
    bars(
        "A million tokens",
        "What a million tokens of all kinds came to.",
        "currencyUSD",
        (f"1e6 * {increase(SPENT, by='model')} / ({increase(TOKENS, by='model')} > 0)", "{{model}}"),
    ),
    bars(
        "Limits",
        "Share that is used, of the key, team or session that is nearest to the end.",
        "percentunit",
        (f"sort_desc({USED})", "{{limit}} ({{kind}})"),
        width=12,
        height=9,
        min=0,
        max=1,
    ),
    graph("Limits over time", "The same.", "percentunit", (USED, "{{limit}} ({{kind}})"), width=12, height=9),
    graph("Refused by limits", "Requests, a second.", "reqps", (least(rate("proxyd_limit_refused_total", by="limit")), "{{limit}}"), width=12),
    graph("Without a price", "Requests, a second.", "reqps", (least(rate("proxyd_unpriced_requests_total", by="model")), "{{model}}"), width=12),
]

SHARE, RESETS = "proxyd_account_quota_share", "proxyd_account_quota_resets_seconds"
ACCOUNTS = [
    stat("Accounts", "That there are.", "short", f"count({of('proxyd_account_up')})"),
    stat("Out", "That take no requests.", "short", least(f"count({of('proxyd_account_up')} == 0)"), (None, GOOD), (1, WARN)),
    stat("At work", "Requests at accounts.", "short", f"sum({of('proxyd_account_in_flight')})"),
    stat("Least quota", "What is left of the window that has least.", "percentunit", f"min({of(SHARE)})", (None, BAD), (0.1, WARN), (0.3, GOOD)),
    stat("Attempts", "A second.", "reqps", rate("proxyd_upstream_attempts_total")),
    stat(
        "Failed",
        "Share of the attempts.",
        "percentunit",
        f"({least(rate('proxyd_upstream_attempts_total', 'result!=' + chr(34) + 'ok' + chr(34)))})"
        f" / clamp_min({rate('proxyd_upstream_attempts_total')}, 1e-9)",
    ),
    graph("Up", "1 while an account takes requests.", "short", (of("proxyd_account_up"), "{{upstream}}/{{account}}"), width=12, min=0, max=1),
    graph("Requests in flight", "At each account.", "short", (of("proxyd_account_in_flight"), "{{upstream}}/{{account}}"), width=12),
    graph("Quota", "Share that is left of each window.", "percentunit", (of(SHARE), "{{upstream}}/{{account}} {{window}}"), width=12, min=0, max=1),
    graph("Full again in", "Until the window's reset.", "s", (of(RESETS), "{{upstream}}/{{account}} {{window}}"), width=12),
    graph(
        "Left at the reset at this pace",
        "Below 0: the window is used up before its reset.",
        "percentunit",
        (f"{of(SHARE)} + deriv({of(SHARE)}[1h]) * {of(RESETS)}", "{{upstream}}/{{account}} {{window}}"),
        width=12,
    ),
    graph(
        "Wasted",
        "What was left of windows when they were reset, in windows a week.",
        "short",
        (least(increase("proxyd_quota_wasted_share_total", by="upstream, account, window", over="7d")), "{{upstream}}/{{account}} {{window}}"),
        width=12,
    ),
    graph(
        "Attempts by account",
        "A second.",
        "reqps",
        (rate("proxyd_upstream_attempts_total", by="upstream, account"), "{{upstream}}/{{account}}"),
        width=12,
    ),
    graph(
        "Failures by account",
        "Attempts that failed, by what was said.",
        "reqps",
        (least(rate("proxyd_upstream_attempts_total", 'result!="ok"', "upstream, account, result")), "{{upstream}}/{{account}} {{result}}"),
        width=12,
    ),
    graph("Conversations", "Kept by the account that served them, moved, begun.", "reqps", (rate("proxyd_affinity_total", by="result"), "{{result}}"), width=12),
    graph("First byte by upstream, p95", "Of each.", "s", (quantile(0.95, "proxyd_first_byte_seconds", "upstream"), "{{upstream}}"), width=12),
]

BOARDS = {
    "overview": ("proxyd: overview", OVERVIEW),
    "spend": ("proxyd: spend", SPEND),
    "accounts": ("proxyd: accounts", ACCOUNTS),
}


def laid_out(panels):
    """From left to right; what does not fit in a row begins the next one."""
    written, x, y, height = [], 0, 0, 0
    for number, panel in enumerate(panels, 1):
        if x + panel.width > 24:
            x, y, height = 0, y + height, 0
        written.append(panel.written(number, x, y))
        x, height = x + panel.width, max(height, panel.height)
    return written


def board(name):
    title, panels = BOARDS[name]
    variables = [
        {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus", "current": {}, "refresh": 1},
        {
            "name": "instance",
            "label": "Instance",
            "type": "query",
            "datasource": SOURCE,
            "query": {"query": "label_values(proxyd_build_info, instance)", "refId": "instance"},
            "includeAll": True,
            "allValue": ".*",
            "multi": True,
            "current": {"text": "All", "value": "$__all"},
            "refresh": 2,
            "sort": 1,
        },
    ]
    written = {
        "uid": f"proxyd-{name}",
        "title": title,
        "tags": ["proxyd"],
        "schemaVersion": 39,
        "editable": True,
        "time": {"from": "now-6h" if name != "spend" else "now-24h", "to": "now"},
        "refresh": "30s",
        "timezone": "browser",
        "templating": {"list": variables},
        "links": [{"type": "dashboards", "tags": ["proxyd"], "title": "proxyd", "asDropdown": False, "includeVars": True, "keepTime": True}],
        "panels": laid_out(panels),
    }
    return json.dumps(written, indent=1) + "\n"


def refuse_unknown():
    """Boards, rules and their tests ask for metrics that there are."""
    source = (ROOT / "Sources/ProxyCore/Telemetry/Metric+Names.swift").read_text()
    known = set(re.findall(r'"((?:proxyd|process)_[a-z0-9_]+)",', source))
    files = [*FOLDER.glob("*.json"), *(ROOT / "deploy/prometheus").glob("*.yaml")]
    for path in files:
        for name in set(re.findall(r"\b(?:proxyd|process)_[a-z0-9_]+", path.read_text())):
            if name not in known and re.sub(r"_(bucket|sum|count)$", "", name) not in known:
                sys.exit(f"{path.relative_to(ROOT)}: there is no metric {name}")


def main():
    if "--queries" in sys.argv:
        for name, (_, panels) in BOARDS.items():
            for panel in panels:
                for query in panel.queries():
                    print(json.dumps({"board": name, "panel": panel.title, "query": query}))
        return
    for name in BOARDS:
        path = FOLDER / f"{name}.json"
        if "--check" in sys.argv:
            if not path.exists() or path.read_text() != board(name):
                sys.exit(f"{path.relative_to(ROOT)} is not fresh: make catalog")
        else:
            FOLDER.mkdir(exist_ok=True)
            path.write_text(board(name))
    refuse_unknown()


if __name__ == "__main__":
    main()
