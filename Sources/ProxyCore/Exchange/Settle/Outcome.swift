import Dialects

/// How an exchange ended: who ended it, in which stage, and why.
public struct Outcome: Sendable, Equatable {
    /// Who ended it. The raw value is the word of the log (`outcome=upstream/relay`) and of `proxyd_outcomes_total`.
    public enum Party: Int, Sendable, CaseIterable {
        /// Nobody: it was answered.
        case done
        case client
        case upstream
        case proxy

        public var label: StaticString {
            switch self {
            case .done: "done"
            case .client: "client"
            case .upstream: "upstream"
            case .proxy: "proxy"
            }
        }
    }

    /// The stage that it had reached.
    public enum Stage: Int, Sendable, CaseIterable {
        case accept, authenticate, decide, dispatch, relay, settle

        public var label: StaticString {
            switch self {
            case .accept: "accept"
            case .authenticate: "authenticate"
            case .decide: "decide"
            case .dispatch: "dispatch"
            case .relay: "relay"
            case .settle: "settle"
            }
        }
    }

    public let party: Party
    public let stage: Stage
    let reason: Reason

    init(_ party: Party, in stage: Stage, _ reason: Reason = .none) {
        self.party = party
        self.stage = stage
        self.reason = reason
    }

    /// Answered, by an upstream or by proxyd itself.
    static func done(in stage: Stage) -> Outcome { Outcome(.done, in: stage) }

    /// All that can be counted: one place for each party and stage.
    static let places = Party.allCases.count * Stage.allCases.count
    var place: Int { party.rawValue * Stage.allCases.count + stage.rawValue }

    /// Why it ended so, in the log's words.
    enum Reason: Sendable, Equatable, CustomStringConvertible {
        case none
        /// proxyd's own no, or an error that a stream told of.
        case refused(ErrorClass)
        case failure(UpstreamFailure)
        /// An upstream's error went to the client as it was.
        case upstreamStatus(Int)
        /// What sends a request on, where nobody was left to send it to.
        case trigger(FallbackPolicy.Trigger)
        case upstream, conversion, unauthorized, allFailed, retryBudget
        case estimated
        case storage
        case gone, stalled, shutDown

        var description: String {
            switch self {
            case .none: ""
            case .refused(let errorClass): errorClass.rawValue
            case .failure(let failure): failure.label.description
            case .upstreamStatus(let status): "upstream_\(status)"
            case .trigger(let trigger): trigger.description
            case .upstream: "upstream"
            case .conversion: "conversion"
            case .unauthorized: "unauthorized"
            case .allFailed: "all_failed"
            case .retryBudget: "retry_budget"
            case .estimated: "estimated"
            case .storage: "storage"
            case .gone: "gone"
            case .stalled: "stalled"
            case .shutDown: "shutdown"
            }
        }
    }
}

extension RecordedOutcome: CustomStringConvertible {
    init(_ outcome: Outcome) {
        code = UInt8(truncatingIfNeeded: outcome.party.rawValue << 4 | outcome.stage.rawValue & 15)
    }

    /// `done/relay`.
    public var description: String {
        if code == Self.crash.code { return "crash" }
        guard let party = Outcome.Party(rawValue: Int(code >> 4)), let stage = Outcome.Stage(rawValue: Int(code & 15)) else {
            return "unknown"
        }
        return "\(party.label)/\(stage.label)"
    }
}
