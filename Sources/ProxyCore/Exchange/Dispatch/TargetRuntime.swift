import Dialects
import HTTP1
import NIOCore

/// A rule's tier and the account behind it, with all that every response from there carries written out once.
///
/// One for each loop and snapshot: an exchange takes one reference where it would copy a dozen texts.
final class TargetRuntime {
    let id: AccountID
    /// Its upstream's index.
    let upstream: Int
    /// `x-proxyd-rule`, `-tier`, `-upstream`, `-account`.
    let identity: FieldBlock
    let log: RouteLabels
    let usage: UsageLabels
    let times: AttemptTimes
    /// The tier's cap.
    let maxTokens: Int?
    /// Counts the attempts that were answered.
    let successes: MetricCounter
    /// Where this loop writes what the account is doing.
    let load: LoadCell
    /// What its rule leaves out of requests.
    private let drops: [FieldPath]
    /// Finds the secrets of the account and its upstream in what must not tell a client of them.
    let redactor: Redactor
    private var lastModel = ""
    private var lastModelBlock = FieldBlock()
    private var lastAble: AbleModel?

    init(
        rule: Route, tier: ResolvedTier, target: ResolvedTier.Target, id: AccountID, secrets: [[UInt8]],
        metrics: ExchangeMetrics, load: LoadCell
    ) {
        redactor = Redactor(secrets)
        self.id = id
        drops = rule.drops
        upstream = target.upstream
        self.load = load
        times = AttemptTimes(target.timeouts)
        maxTokens = target.tierTarget.maxTokens
        identity = FieldBlock([
            HeaderLine(name: "x-proxyd-rule", value: rule.name), HeaderLine(name: "x-proxyd-tier", value: tier.text),
            HeaderLine(name: "x-proxyd-upstream", value: id.upstream), HeaderLine(name: "x-proxyd-account", value: id.account),
        ])
        log = RouteLabels(rule: rule.name, tier: tier.text, upstream: id.upstream, account: id.account)
        usage = UsageLabels(upstream: id.upstream, account: id.account, rule: rule.name, tags: rule.tags, tier: tier.text)
        successes = metrics.attempts(upstream: id.upstream, account: id.account, result: "ok")
    }

    /// What a model can do there; most requests are for the model of the last one.
    func able(_ model: String, at upstream: UpstreamRuntime) -> AbleModel {
        if let lastAble, lastAble.model == model { return lastAble }
        let able = AbleModel(model, at: upstream.upstream, without: drops)
        lastAble = able
        return able
    }

    /// `x-proxyd-model`; most responses come from the model that gave the last one.
    func modelBlock(_ model: String) -> FieldBlock {
        if model == lastModel, !lastModelBlock.isEmpty { return lastModelBlock }
        lastModel = model
        lastModelBlock = FieldBlock([HeaderLine(name: "x-proxyd-model", value: model)])
        return lastModelBlock
    }
}

/// What is known of a model at an upstream, worked out once.
final class AbleModel {
    let model: String
    let capabilities: Capabilities
    /// A chat stream may be asked for its usage.
    let takesStreamOptions: Bool
    /// What is left out of requests that are no generations. Nil for most: nothing.
    let drops: Box<RequestQuirks>?
    /// What is changed in bodies that pass as they are. Nil for most: nothing. Every request asks: each is a reference, not a copy
    /// of all that it may change.
    private let quirks: (chat: Changes?, responses: Changes?, messages: Changes?, gemini: Changes?)

    private typealias Changes = Box<RequestQuirks>

    /// - Parameter drops: what the rule leaves out beside what the server refuses.
    init(_ model: String, at upstream: Upstream, without drops: [FieldPath]) {
        self.model = model
        var capabilities = upstream.capabilities(of: model)
        capabilities.drops += drops.filter { !capabilities.drops.contains($0) }
        self.capabilities = capabilities
        func quirks(_ dialect: ClientDialect) -> Changes? {
            let quirks = RequestQuirks(capabilities, for: dialect, model: model)
            return quirks.isEmpty ? nil : Box(quirks)
        }
        let chat = quirks(.openai)
        let dropped = capabilities.drops
        self.drops = dropped.isEmpty ? nil : Box(RequestQuirks(dropping: dropped))
        let dropsOptions = chat?.value.drops.contains { $0.member == "stream_options" } == true
        takesStreamOptions = capabilities.openAI.streamUsage && !dropsOptions
        self.quirks = (chat, quirks(.responses), quirks(.anthropic), quirks(.gemini))
    }

    func quirks(of dialect: ClientDialect) -> Box<RequestQuirks>? {
        switch dialect {
        case .openai: quirks.chat
        case .responses: quirks.responses
        case .anthropic: quirks.messages
        case .gemini: quirks.gemini
        }
    }
}

@available(*, unavailable)
extension AbleModel: Sendable {}

/// How long the parts of an attempt may take, as the loop's clock counts.
struct AttemptTimes {
    var connect = TimeAmount.zero
    var firstByte = TimeAmount.zero
    var idle = TimeAmount.zero

    init() {}

    init(_ timeouts: Timeouts) {
        connect = TimeAmount(timeouts.connect)
        firstByte = TimeAmount(timeouts.firstByte)
        idle = TimeAmount(timeouts.idle)
    }
}

@available(*, unavailable)
extension TargetRuntime: Sendable {}
