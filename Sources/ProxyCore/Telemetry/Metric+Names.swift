extension Metric {
    // MARK: Exchanges

    public static let requests = Metric(
        "proxyd_requests_total", "Requests answered, by rule, upstream, answering model and status sent.", .counter,
        labels: ["rule", "upstream", "model", "status"])
    public static let requestSeconds = Metric(
        "proxyd_request_seconds", "Time from a request's head to the end of its answer.", .histogram(durations),
        labels: ["upstream", "model"])
    public static let firstByteSeconds = Metric(
        "proxyd_first_byte_seconds", "Time from a request's head to the first byte of its answer.", .histogram(durations),
        labels: ["upstream", "model"])
    public static let outcomes = Metric(
        "proxyd_outcomes_total", "Requests by who ended them and in which stage.", .counter, labels: ["ended_by", "stage"])
    public static let upstreamAttempts = Metric(
        "proxyd_upstream_attempts_total", "Attempts at an upstream's account, by what became of them.", .counter,
        labels: ["upstream", "account", "result"])
    public static let fallbacks = Metric(
        "proxyd_fallbacks_total", "Requests sent on to another account or tier, by reason.", .counter, labels: ["reason"])
    public static let adminRequests = Metric(
        "proxyd_admin_requests_total",
        "Requests of probes, scrapes and operators: /health, /healthz, /readyz, /metrics, /admin and logins. In no other count.",
        .counter)
    public static let limitRefusals = Metric(
        "proxyd_limit_refusals_total", "The same as proxyd_limit_refused_total, under its former name.", .counter,
        labels: ["limit"])
    public static let limitRefused = Metric(
        "proxyd_limit_refused_total", "Requests refused by a limit of requests, tokens, money or concurrency.", .counter,
        labels: ["limit"])
    public static let tokens = Metric(
        "proxyd_tokens_total",
        "Tokens that were used, by kind: input (what no cache had), cache_read, cache_write, output (reasoning in it).", .counter,
        labels: ["key", "model", "kind"], bound: 6 * KeyedModels.most)
    public static let cost = Metric(
        "proxyd_cost_usd_total", "What requests cost in US dollars, at the prices that proxyd knows.", .sum,
        labels: ["key", "model"], bound: 2 * KeyedModels.most)
    public static let unpriced = Metric(
        "proxyd_unpriced_requests_total", "Requests with usage of models that have no price: what they cost is not known.",
        .counter, labels: ["model"])
    public static let conversionLossy = Metric(
        "proxyd_conversion_lossy_total", "Parameters that a conversion changed or left out.", .counter,
        labels: ["parameter", "action"])
    public static let openConnections = Metric("proxyd_open_connections", "Connections of clients that are open.", .gauge)
    public static let connectionsEvicted = Metric(
        "proxyd_connections_evicted_total", "Connections of clients that were closed to make room, idle or waiting for a body.",
        .counter)
    public static let connectionsRefused = Metric(
        "proxyd_connections_refused_total",
        "Connections of clients that were refused: full (all of limits.connections at work), untrusted_proxy, proxy_header.",
        .counter, labels: ["reason"])
    public static let acceptFailures = Metric(
        "proxyd_accept_failures_total", "Times that no connection could be accepted for want of descriptors or memory.", .counter)
    public static let activeRequests = Metric("proxyd_active_requests", "Requests being served.", .gauge)

    // MARK: State

    public static let configGeneration = Metric(
        "proxyd_config_generation", "Number of the configuration that runs, from 1.", .gauge)
    public static let configReloads = Metric(
        "proxyd_config_reloads_total", "Attempts to load a changed configuration.", .counter, labels: ["result"])
    public static let configFailing = Metric(
        "proxyd_config_failing", "1 while the configuration file has an error and an older one runs.", .gauge)
    public static let configReloadSuccess = Metric(
        "proxyd_config_last_reload_success", "1 when the configuration that was read last runs, 0 while it was refused.", .gauge)
    public static let configReloadSuccessTime = Metric(
        "proxyd_config_last_reload_success_timestamp_seconds",
        "When a configuration was last read without an error, in seconds since 1970.", .gauge)
    public static let certificateEnd = Metric(
        "proxyd_tls_not_after_seconds", "When a listener's certificate ends, in seconds since 1970.", .gauge, labels: ["listener"]
    )
    public static let limitUsed = Metric(
        "proxyd_limit_used",
        "What is used of a limit, in its bucket (key, team, session) that is nearest to the end: requests, tokens or US dollars.",
        .gauge, labels: ["limit", "kind"])
    public static let limitLeaseHeld = Metric(
        "proxyd_limit_lease_held",
        "What this node holds of a limit that nodes share, and has not used: requests, tokens or US dollars.",
        .gauge, labels: ["limit", "kind"])
    public static let limitMax = Metric(
        "proxyd_limit_max", "What may be used of a limit in each bucket: requests, tokens or US dollars.", .gauge,
        labels: ["limit", "kind"])
    public static let quotaRemaining = Metric(
        "proxyd_quota_remaining", "Remaining share (0 to 1) of the best account.", .gauge, labels: ["upstream", "model"])
    public static let accountUp = Metric(
        "proxyd_account_up", "1 while an account takes requests: neither refused, failing, drained, nor out of quota or money.",
        .gauge, labels: ["upstream", "account"])
    public static let accountQuotaShare = Metric(
        "proxyd_account_quota_share",
        "Share (0 to 1) that is left of an account's window; of one kind for several models the least.",
        .gauge, labels: ["upstream", "account", "window"])
    public static let accountQuotaResets = Metric(
        "proxyd_account_quota_resets_seconds", "Seconds from now until an account's window is full again.", .gauge,
        labels: ["upstream", "account", "window"])
    public static let accountInFlight = Metric(
        "proxyd_account_in_flight", "Requests at an account that are not over.", .gauge, labels: ["upstream", "account"])
    public static let quotaWasted = Metric(
        "proxyd_quota_wasted_share_total", "What was left of an account's windows when they were reset, in shares.", .sum,
        labels: ["upstream", "account", "window"])
    public static let affinity = Metric(
        "proxyd_affinity_total",
        "Requests of conversations, by who served them: kept by the account that served before, moved to this one, begun.",
        .counter, labels: ["upstream", "account", "result"])
    public static let storageFailing = Metric(
        "proxyd_storage_failing", "1 while usage cannot be written, made durable or booked.", .gauge)
    public static let unaccountedRequests = Metric(
        "proxyd_unaccounted_requests_total", "Requests whose usage could not be written.", .counter)
    public static let unaccountedTokens = Metric(
        "proxyd_unaccounted_tokens_total", "Tokens of those requests, as far as their answers reported them.", .counter)
    public static let adminKeysRefused = Metric(
        "proxyd_admin_keys_refused_total", "Wrong admin keys shown, and keys not looked at after too many of them.", .counter,
        labels: ["result"])
    public static let telemetryDropped = Metric(
        "proxyd_telemetry_dropped_total", "Spans that no collector took: their queue was full, or it answered none of the tries.",
        .counter)
    public static let eventsDropped = Metric(
        "proxyd_events_dropped_total", "Request events that were not delivered: their queue was full, or nobody took them.",
        .counter)
    public static let decisionsDropped = Metric(
        "proxyd_decisions_dropped_total", "Lines of log.decisions that were not written: their queue was full, or the disk.",
        .counter)
    public static let alertsDropped = Metric(
        "proxyd_alerts_dropped_total",
        "Messages of alerts that the webhook did not take: their queue was full, or no try served.", .counter)
    public static let clusterServerUp = Metric(
        "proxyd_cluster_server_up", "1 while the server that nodes share limits by answers; there where the file names one.",
        .gauge)
    public static let clusterStoreUp = Metric(
        "proxyd_cluster_store_up", "1 while the store that nodes share can be used; there where the file names one.", .gauge)
    public static let clusterNodes = Metric(
        "proxyd_cluster_nodes", "Nodes of the cluster that live, this one counted.", .gauge)
    public static let clusterHints = Metric(
        "proxyd_cluster_hints_total",
        "Hints of other nodes: taken, and ignored because no node of this version would say so.", .sum, labels: ["result"])
    public static let logLinesLost = Metric("proxyd_log_lines_lost_total", "Log lines the output did not take.", .counter)
    public static let logFailing = Metric(
        "proxyd_log_failing", "1 while the log's output or file takes no lines (those of a file go to standard error).", .gauge)
    public static let seriesFolded = Metric(
        "proxyd_metrics_series_folded_total", "Series counted under the label value other, because there were too many.",
        .counter)
    public static let buildInfo = Metric("proxyd_build_info", "Always 1.", .gauge, labels: ["version"])

    // MARK: The process, by the names every Prometheus client uses

    public static let processCPUSeconds = Metric(
        "process_cpu_seconds_total", "Processor time of the process in seconds.", .sum)
    public static let processResidentBytes = Metric(
        "process_resident_memory_bytes", "Resident memory in bytes.", .gauge)
    public static let processVirtualBytes = Metric("process_virtual_memory_bytes", "Virtual memory in bytes.", .gauge)
    public static let processOpenFiles = Metric("process_open_fds", "Open file descriptors.", .gauge)
    public static let processMaximumFiles = Metric("process_max_fds", "File descriptors that may be open.", .gauge)
    public static let processStartSeconds = Metric(
        "process_start_time_seconds", "Start of the process in seconds since 1970.", .gauge)

    /// Bounds for durations in seconds: from a response out of a cache to minutes of thinking.
    public static let durations: [Double] = [
        0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300,
    ]
    /// Bounds for what says nothing of its size.
    static let magnitudes: [Double] = [1, 5, 10, 50, 100, 500, 1e3, 5e3, 1e4, 5e4, 1e5, 5e5, 1e6, 1e7, 1e8]
}
