import Foundation

/// How a vendor's headers tell what is left.
public enum LimitHeaderFamily: String, Sendable, CaseIterable {
    /// `anthropic-ratelimit-requests-remaining`, instants in RFC 3339.
    case anthropic
    /// A subscription of Anthropic's: `anthropic-ratelimit-unified-5h-utilization`, instants in seconds.
    case unified
    /// `x-ratelimit-remaining-requests`, waits as `6m0s`.
    case openai
    /// The same, waits in whole seconds.
    case azure
    /// The same, waits as `2m59.56s`.
    case groq
    /// `x-ratelimit-remaining-req-minute`, no resets.
    case mistral
    /// `x-ratelimit-remaining-requests-day`, waits in seconds with a fraction.
    case cerebras
    /// Bare `x-ratelimit-remaining`, an instant in milliseconds; of requests alone.
    case openrouter
    /// `x-codex-primary-used-percent`.
    case codex
    case none

    static func usual(for window: SimulatedWindow, _ format: WireFormat) -> Self {
        if window.isCodex { return .codex }
        if window.isSubscription { return .unified }
        return format == .messages || window.kind.hasSuffix("put_tokens") ? .anthropic : .openai
    }

    func lines(_ windows: [SimulatedWindow], now: Double) -> [(name: String, value: String)] {
        switch self {
        case .anthropic: counted(windows).flatMap { Self.anthropic($0, now) }
        case .unified: Self.unified(windows.filter { $0.isSubscription && !$0.isCodex }, now)
        case .openai: rates(windows, now) { Self.duration($0.rounded(.up)) }
        case .azure: rates(windows, now) { String(Int($0.rounded(.up))) }
        case .groq: rates(windows, now) { Self.duration($0) }
        case .mistral: counted(windows).flatMap { Self.mistral($0, now) }
        case .cerebras: counted(windows).flatMap { Self.cerebras($0, now) }
        case .openrouter: counted(windows).filter { $0.kind == "requests" }.flatMap { Self.openRouter($0, now) }
        case .codex: windows.filter(\.isCodex).flatMap { Self.codex($0, now) }
        case .none: []
        }
    }

    private func counted(_ windows: [SimulatedWindow]) -> [SimulatedWindow] {
        windows.filter { !$0.isSubscription && !$0.isCodex }
    }

    // MARK: Anthropic

    private static func anthropic(_ window: SimulatedWindow, _ now: Double) -> [(name: String, value: String)] {
        let prefix = "anthropic-ratelimit-" + window.kind.replacing("_", with: "-")
        return [
            (prefix + "-limit", whole(window.limit)), (prefix + "-remaining", whole(window.remaining(now))),
            (prefix + "-reset", Date(timeIntervalSince1970: window.reset(now).rounded(.up)).ISO8601Format()),
        ]
    }

    private static func unified(_ windows: [SimulatedWindow], _ now: Double) -> [(name: String, value: String)] {
        guard let tightest = windows.max(by: { $0.utilization(now) < $1.utilization(now) }) else { return [] }
        let prefix = "anthropic-ratelimit-unified-"
        let own: [(name: String, value: String)] = windows.flatMap { window in
            [
                ("\(prefix)\(window.kind)-status", status(window, now)),
                ("\(prefix)\(window.kind)-reset", whole(window.reset(now).rounded(.up))),
                ("\(prefix)\(window.kind)-utilization", hundredths(utilization(window, now))),
            ]
        }
        let claim = tightest.kind.replacing("5h", with: "five_hour").replacing("7d", with: "seven_day")
        return own + [
            (prefix + "status", status(tightest, now)), (prefix + "reset", whole(tightest.reset(now).rounded(.up))),
            (prefix + "representative-claim", claim),
        ]
    }

    /// 1 is only what is used up: the last half of a percent is not told as nothing.
    private static func utilization(_ window: SimulatedWindow, _ now: Double) -> Double {
        window.isUsedUp(now) ? 1 : min(window.utilization(now), 0.99)
    }

    private static func status(_ window: SimulatedWindow, _ now: Double) -> String {
        window.isUsedUp(now) ? "rejected" : window.utilization(now) >= 0.8 ? "allowed_warning" : "allowed"
    }

    // MARK: OpenAI and those who write as it does

    private func rates(_ windows: [SimulatedWindow], _ now: Double, wait: (Double) -> String) -> [(name: String, value: String)] {
        counted(windows).flatMap { window in
            [
                ("x-ratelimit-limit-\(window.kind)", Self.whole(window.limit)),
                ("x-ratelimit-remaining-\(window.kind)", Self.whole(window.remaining(now))),
                ("x-ratelimit-reset-\(window.kind)", wait(window.reset(now) - now)),
            ]
        }
    }

    private static func mistral(_ window: SimulatedWindow, _ now: Double) -> [(name: String, value: String)] {
        let name = (window.kind == "requests" ? "req" : window.kind) + "-minute"
        return [
            ("x-ratelimit-limit-" + name, whole(window.limit)), ("x-ratelimit-remaining-" + name, whole(window.remaining(now))),
        ]
    }

    private static func cerebras(_ window: SimulatedWindow, _ now: Double) -> [(name: String, value: String)] {
        let name = window.kind + (window.period > 3600 ? "-day" : "-minute")
        return [
            ("x-ratelimit-limit-" + name, whole(window.limit)), ("x-ratelimit-remaining-" + name, whole(window.remaining(now))),
            ("x-ratelimit-reset-" + name, String(window.reset(now) - now)),
        ]
    }

    private static func openRouter(_ window: SimulatedWindow, _ now: Double) -> [(name: String, value: String)] {
        [
            ("x-ratelimit-limit", whole(window.limit)), ("x-ratelimit-remaining", whole(window.remaining(now))),
            ("x-ratelimit-reset", whole(window.reset(now) * 1000)),
        ]
    }

    private static func codex(_ window: SimulatedWindow, _ now: Double) -> [(name: String, value: String)] {
        let prefix = "x-codex-\(window.kind)-"
        return [
            (prefix + "used-percent", hundredths(window.utilization(now) * 100)),
            (prefix + "window-minutes", whole(window.period / 60)),
            (prefix + "reset-after-seconds", whole((window.reset(now) - now).rounded(.up))),
            (prefix + "reset-at", whole(window.reset(now).rounded(.up))),
        ]
    }

    private static func whole(_ number: Double) -> String { String(Int(number.clamped(to: 0...1e15))) }

    private static func hundredths(_ number: Double) -> String {
        let hundredths = Int((number * 100).rounded().clamped(to: 0...1e15))
        let rest = hundredths % 100
        return "\(hundredths / 100)." + (rest < 10 ? "0" : "") + String(rest)
    }

    /// `1s`, `6m0s`, `1h2m0s`; with a fraction of seconds where there is one.
    private static func duration(_ seconds: Double) -> String {
        let total = seconds.clamped(to: 0...1e12)
        let minutes = Int(total / 60)
        let rest = total - Double(minutes) * 60
        let text = rest == rest.rounded() ? whole(rest) : hundredths(rest)
        return (minutes >= 60 ? "\(minutes / 60)h" : "") + (minutes > 0 ? "\(minutes % 60)m" : "") + "\(text)s"
    }
}
