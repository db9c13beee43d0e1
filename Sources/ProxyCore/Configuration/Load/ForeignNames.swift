import Basics

/// What other programs call what the schema calls otherwise.
enum ForeignNames {
    struct Hint {
        var text: String
        /// The key of the mapping that was meant.
        var meant: String?
    }

    /// nil where nothing is known of the name.
    static func hint(for key: String, in mapping: Schema.Mapping) -> Hint? {
        // A member of `any`.
        if key == "any", mapping["any"] == nil, mapping["upstream"] != nil {
            return Hint(text: "; an 'any' stands in no other: its members are written into this one", meant: "upstream")
        }
        let name = snake(key)
        if name != key, mapping[name] != nil { return Hint(text: "; it is written '\(name)'", meant: name) }
        if let ours = words[name]?.first(where: { mapping[$0] != nil }) {
            return Hint(text: "; here it is '\(ours)'\(forms[ours].map { ": \($0)" } ?? "")", meant: ours)
        }
        return notes[name].map { Hint(text: "; \($0)", meant: nil) }
    }

    /// A key that belongs under the only one that a mapping has, as it is or with a slip in it: what is meant by it, and that one; nil for
    /// other words.
    static func deeper(_ key: String, in mapping: Schema.Mapping) -> (text: String, under: String)? {
        guard mapping.keys.count == 1, let outer = mapping.keys.first, case .mapping(let inner) = outer.shape else { return nil }
        let name = inner[key]?.name ?? Suggestion.nearest(to: key, among: inner.keys.map(\.name))
        return name.map { (" (did you mean '\(outer.name): {\($0): …}'?)", outer.name) }
    }

    /// Where a key of ours that was written in the wrong place belongs; nil for other words.
    /// - Parameter path: where it stands: what has the same name comes first.
    static func rightPlace(of key: String, from path: String) -> String? {
        guard let all = places[key] else { return nil }
        let name = path.split(separator: ".").last ?? ""
        let alike = all.filter { !name.isEmpty && $0.split(separator: ".").last == name }
        let paths = (alike + all.filter { !alike.contains($0) }).prefix(4)
        guard !paths.isEmpty else { return nil }
        if paths == [""] { return "; it belongs at the beginning of a line, under no other key" }
        let names = paths.filter { !$0.isEmpty }
            .map { $0.contains(".") || $0.hasSuffix("[]") ? "'\($0)'" : "'\($0)' at the top" }
        let list = names.count == 1 ? names[0] : "\(names.dropLast().joined(separator: ", ")) or \(names[names.count - 1])"
        return "; it belongs under \(list)\(names.count < paths.count ? ", or at the beginning of a line" : "")"
    }

    /// `apiKey` and `api-key` as we would write them.
    private static func snake(_ key: String) -> String {
        guard key.utf8.count <= 64 else { return key }
        var result = ""
        var wasUpper = false
        for character in key {
            defer { wasUpper = character.isUppercase }
            if character == "-" || character == " " {
                result += "_"
            } else if character.isUppercase {
                if let last = result.last, last != "_", key.contains(where: \.isLowercase), !wasUpper { result += "_" }
                result += character.lowercased()
            } else {
                result.append(character)
            }
        }
        return result
    }

    // MARK: The schema's own words

    /// Where each key of the schema stands, the shortest path first.
    private static let places: [String: [String]] = {
        var found: [String: [String]] = [:]
        collect(.mapping(Schema.Root.mapping), "", into: &found)
        func depth(_ path: String) -> (Int, Int, String) { (path.count { $0 == "." }, path.count, path) }
        return found.mapValues { $0.sorted { depth($0) < depth($1) } }
    }()

    private static func collect(_ shape: Schema.Shape, _ path: String, into found: inout [String: [String]]) {
        switch shape {
        case .scalar, .json: break
        case .list(let item), .oneOrList(let item): collect(item, "\(path)[]", into: &found)
        case .entries(let item, let naming): collect(item, "\(path).<\(naming)>", into: &found)
        case .either(let short, let long, _):
            collect(short, path, into: &found)
            collect(long, path, into: &found)
        case .mapping(let mapping):
            for key in mapping.keys {
                if found[key.name]?.contains(path) != true { found[key.name, default: []].append(path) }
                collect(key.shape, path.isEmpty ? key.name : "\(path).\(key.name)", into: &found)
            }
        }
    }

    // MARK: Others' words

    /// How the value is written where the name alone does not say it.
    private static let forms = [
        "budget_per_month": "200 USD", "budget_total": "200 USD", "admin": "{key: \"${PROXYD_ADMIN_KEY}\"}",
        "timeouts": "{connect: 5s, first_byte: 120s, idle: 120s}", "limits": "{body: 32MiB, connections: 10000}",
        "listen": "127.0.0.1:8180", "tls": "{certificate: cert.pem, key: key.pem}", "log": "{level: info}", "state": "./state",
        "rules": "a list of {models: [\"*\"], tiers: [upstream]}",
        "upstreams": "{name: {preset: openai, key: \"${OPENAI_API_KEY}\"}}", "requests_per_minute": "120",
        "tokens_per_minute": "400k", "reject": "{status: 403, message: \"not with this key\"}",
    ]

    /// Each name with what of ours it may be, of which the first that the mapping has is meant.
    private static let words: [String: [String]] = {
        var words: [String: [String]] = [:]
        for line in synonyms.split(separator: "\n") {
            let parts = line.split(separator: ":")
            guard parts.count == 2 else { continue }
            for name in parts[1].split(separator: " ") { words[String(name), default: []].append(String(parts[0])) }
        }
        return words
    }()

    /// Ours, then what others say.
    private static let synonyms = """
        keys: api_keys users virtual_keys consumers clients client_keys tokens apikeys
        upstreams: upstream providers provider backends backend clusters servers services endpoints model_list
        upstreams: models_list vendors hosts targets
        rules: routes route routing router route_rules locations location router_settings virtual_hosts routing_rules
        rules: rule
        listen: port bind ports listeners server host addr listen_addr address entrypoints listen_on http bind_address
        key: api_key apikey api_keys token api_token auth_token access_token secret secret_key access_key password
        key: credential bearer auth authorization master_key admin_key admin_token api_secret value
        url: base_url baseurl api_base endpoint endpoints host address uri target server addr href proxy_pass origin
        url: api_url link api_endpoint base api_base_url azure_endpoint service backend upstream
        otlp: endpoint url otlp_endpoint collector exporter address host
        webhook: url endpoint address slack_webhook webhook_url
        address: listen host bind addr url socket port
        preset: provider vendor provider_name custom_llm_provider
        dialect: type format protocol api kind api_type wire_api provider vendor schema flavor custom_llm_provider mode
        dialect: api_format
        format: type kind style
        accounts: credentials keys api_keys deployments pool
        tiers: upstream upstreams backend backends route route_to to target targets destination destinations providers
        tiers: provider deployments proxy_pass forward use chain then litellm_params fallbacks service services
        models: model model_name model_names match_models model_list allowed_models model_whitelist allow_models pattern
        models: location match path
        model: models model_name deployment model_id target_model name
        upstream: provider backend target service cluster host name to
        when: condition conditions if match where filter expr expression cel header headers
        any: upstreams backends targets members group balance
        requests_per_minute: rpm rpm_limit rate_limit rate requests_per_min max_requests_per_minute limit_req ratelimit
        requests_per_day: rpd rpd_limit daily_requests max_requests_per_day
        tokens_per_minute: tpm tpm_limit max_tokens_per_minute token_limit
        tokens_per_day: tpd tpd_limit daily_tokens max_tokens_per_day
        budget_per_month: max_budget budget monthly_budget budget_limit spend_limit max_spend soft_budget
        budget_per_day: daily_budget
        budget_total: max_budget budget total_budget
        concurrent_requests: max_parallel_requests max_concurrency concurrency parallel max_concurrent_requests
        concurrent_requests: limit_conn max_concurrent
        timeouts: timeout request_timeout read_timeout stream_timeout proxy_read_timeout proxy_connect_timeout
        timeouts: connect_timeout
        first_byte: timeout request_timeout read_timeout response proxy_read_timeout
        connect: proxy_connect_timeout connect_timeout dial
        idle: keepalive idle_timeout send stream_timeout
        fallback: fallbacks failover retry_policy default_fallbacks context_window_fallbacks
        on: status_codes statuses errors when triggers retry_on retryable_status_codes
        cooldown: cooldown_time backoff
        admin: master_key admin_key admin_token dashboard general_settings management
        tls: ssl https ssl_certificate cert certificates
        certificate: cert cert_file certificate_file ssl_certificate crt tls_cert chain fullchain
        key: key_file private_key ssl_certificate_key tls_key keyfile
        ca: ca_file ca_cert ca_certs cafile root_ca ssl_verify verify
        client_ca: ca ca_file mtls client_ca_file
        log: logging logs log_level loglevel verbose debug access_log error_log
        level: log_level loglevel verbosity severity
        state: database_url database db storage data_dir data store volumes state_dir volume
        headers: header extra_headers custom_headers add_header proxy_set_header default_headers request_headers
        choose: strategy load_balancing lb_policy balance routing_strategy policy lb loadbalancer load_balancer
        affinity: sticky session session_affinity stickiness
        allow_from: allow whitelist allowlist allowed_ips ip_whitelist allow_ips allowed_cidrs ips ip_allowlist
        trusted_proxies: set_real_ip_from real_ip trust_proxy forwarded_allow_ips
        status: status_code code http_status return
        message: body text error msg detail reason
        deployments: deployment deployment_name deployment_id azure_deployment
        api_version: apiversion version
        body: client_max_body_size max_body_size body_size max_request_size body_limit
        limits: client_max_body_size max_body_size body_size max_request_size worker_connections max_connections
        connections: max_connections worker_connections
        timezone: tz time_zone
        policies: policy teams tiers plans quotas roles budgets
        usage_limits: rate_limits ratelimits budgets quotas
        prices: price pricing costs cost model_prices model_cost model_info
        models: aliases alias model_aliases model_alias_map model_group_alias
        reject: deny block refuse forbid return
        input: input_cost input_price prompt input_cost_per_token prompt_price in
        output: output_cost output_price completion output_cost_per_token completion_price out
        cache_read: cached cached_input cache_read_input_token_cost cache_hit
        cache_write: cache_creation cache_creation_input_token_cost
        name: id title label key_alias alias user key_name user_id
        tags: metadata labels tag extra annotations
        policy: role plan group team team_id tier
        enabled: active disabled enable blocked
        hash: key_hash sha256 digest
        set: params parameters override overrides extra_body body defaults request
        poll: url endpoint health health_check healthcheck check path
        telemetry: otel opentelemetry tracing traces
        alerts: alerting alert notifications
        include: includes import imports extends
        https_proxy: http_proxy proxy all_proxy outbound_proxy
        to: model target upstream tier alias_of maps_to model_name real_name
        """

    /// Names of what is otherwise here, or not at all.
    private static let notes: [String: String] = {
        var notes: [String: String] = [:]
        for (names, note) in told {
            for name in names.split(separator: " ") { notes[String(name)] = note }
        }
        return notes
    }()

    private static let told: [(names: String, note: String)] = [
        (
            "environment env env_file environment_variables envs",
            "variables are those of proxyd's own environment, and any value may name one: ${NAME}"
        ),
        (
            "litellm_params", "what LiteLLM says there is an upstream's here: 'preset', or 'url' and 'dialect', and 'key'"
        ),
        (
            "litellm_settings general_settings router_settings",
            "LiteLLM's settings are 'admin', 'fallback', 'timeouts' and 'log' here"
        ),
        (
            "retries num_retries max_retries retry allowed_fails proxy_next_upstream attempts",
            "there is no number of retries: 'tiers' of a rule say who is asked next, 'fallback.on' after what"
        ),
        ("priority order rank", "the order of the list is the order in which they are asked"),
        (
            "image container_name restart build networks depends_on deploy healthcheck volumes command",
            "that is a container's: it belongs into compose.yaml, beside this file"
        ),
        ("metrics prometheus metrics_port", "metrics are at /metrics, on the addresses of 'listen' or of 'admin.listen'"),
        ("cache caching redis_url", "proxyd keeps no answers"),
        ("server http events worker_processes location", "nginx's blocks are 'listen', 'upstreams' and 'rules' here"),
        ("version", "a file needs no version"),
        ("default default_model catch_all", "a rule at the end with models: [\"*\"] takes what no other does"),
        ("mode stream streaming", "whether an answer is streamed is the client's choice"),
        (
            "insecure skip_verify insecure_skip_verify tls_skip_verify verify_ssl ssl_verify",
            "certificates are always checked; 'tls.ca' names a file of authorities to trust"
        ),
        (
            "rpm tpm rpd tpd rate_limit rate_limiting ratelimit limit_req limit_conn max_budget budget max_parallel_requests",
            "what a key may use is its policy's: 'policies': {default: {requests_per_minute: 120}}"
        ),
        ("rps requests_per_second", "the shortest window is a minute: 'requests_per_minute'"),
        ("budget_duration", "the name says how long: 'budget_per_day', 'budget_per_month', 'budget_total'"),
        ("allow deny whitelist allowlist", "addresses are a policy's: 'policies': {default: {allow_from: [10.0.0.0/8]}}"),
        (
            "ssl ssl_certificate ssl_certificate_key cert certificates",
            "a certificate is an address's: 'listen': {address: 0.0.0.0:443, tls: {certificate: cert.pem, key: key.pem}}"
        ),
        ("server_name", "hosts' names make no difference; 'listen' has the addresses"),
        ("gzip compression", "answers are passed on as they come"),
        ("keepalive keepalive_timeout", "connections are kept by themselves; 'timeouts.idle' ends what is silent"),
        ("max_fails fail_timeout", "what fails rests by itself, 'fallback.cooldown' says how long"),
        ("routing_strategy load_balancing", "which of equals is asked is said by 'choose', of an upstream or beside 'any'"),
        (
            "callbacks success_callback failure_callback webhooks",
            "'events' tells a webhook or a file of each request, 'telemetry' sends traces"
        ),
        ("secrets", "a secret is a reference where it is used: ${file:/run/secrets/name}"),
        ("organization org", "what a vendor takes beside the key is a header: 'headers': {openai-organization: …}"),
        ("temperature top_p", "what a rule changes of a request is under 'set': {temperature: 0.2}"),
        ("description comment note notes", "a comment begins with '# '"),
    ]
}
