import Basics
import Dialects
import ProxyCore

/// What an upstream's model is pretended to have left: `antigravity/claude-opus-4-6=3%`.
struct PretendedQuota: Sendable, Hashable {
    let upstream: String
    let model: String
    /// 0 to 1; nil is unknown.
    let share: Double?

    /// No question has more.
    private static let most = 1_000

    /// - Parameter value: `{"up/model": "3%" | 0.03 | null}`, or texts as the command line has them.
    static func read(_ value: JSONValue?) throws(AdminFailure) -> [PretendedQuota] {
        guard let value, !value.isNull else { return [] }
        var found: [PretendedQuota] = []
        if let object = value.object, object.members.count <= most {
            for member in object.members { found.append(try one(member.key, member.value)) }
        } else if let texts = value.array, texts.count <= most {
            for text in texts {
                guard let text = text.string, let equals = text.lastIndex(of: "=") else { throw form }
                found.append(try one(String(text[..<equals]), .string(String(text[text.index(after: equals)...]))))
            }
        } else {
            throw form
        }
        return found
    }

    /// The states of a moment, with what is pretended.
    /// - Throws: where the file has no such upstream.
    static func apply(
        _ quotas: [PretendedQuota], to states: AccountStates, of upstreams: [Upstream]
    ) throws(AdminFailure) -> AccountStates {
        var states = states
        for quota in quotas {
            guard upstreams.contains(where: { $0.name == quota.upstream }) else {
                let meant = Suggestion.text(for: quota.upstream, among: upstreams.map(\.name))
                throw AdminFailure(.badRequest, "quota: no upstream is called '\(quota.upstream)'\(meant)")
            }
            states.pretend(quota.share.map { .known($0) } ?? .unknown, of: quota.model, at: quota.upstream)
        }
        return states
    }

    private static func one(_ place: String, _ value: JSONValue) throws(AdminFailure) -> PretendedQuota {
        guard let slash = place.firstIndex(of: "/"), slash > place.startIndex else { throw form }
        let model = String(place[place.index(after: slash)...])
        guard !model.isEmpty else { throw form }
        let upstream = String(place[..<slash])
        if value.isNull || value.string == "unknown" { return PretendedQuota(upstream: upstream, model: model, share: nil) }
        guard let share = value.string.map(share) ?? value.double, share >= 0, share <= 1 else {
            throw AdminFailure(.badRequest, "quota of \(place) must be a share from 0% to 100%, as 3% or 0.03, or unknown")
        }
        return PretendedQuota(upstream: upstream, model: model, share: share)
    }

    private static func share(_ text: String) -> Double? {
        guard text.hasSuffix("%") else { return Double(text) }
        return Double(text.dropLast()).map { $0 / 100 }
    }

    private static var form: AdminFailure {
        AdminFailure(.badRequest, #"quota is written {"upstream/model": "3%"}, or ["upstream/model=3%"]"#)
    }
}
