import Basics
import Dialects

/// A window of an account's quota as nodes tell it one another: times are told as ages, for no two have one clock.
struct SharedWindow: Sendable, Equatable {
    var models: QuotaWindow.Models
    var kind: String
    var share: Double
    var limit: Int?
    var remaining: Int?
    /// Milliseconds from now until its reset.
    var resetsIn: Int?
    /// Milliseconds since it was told.
    var age: Int
    var source: QuotaWindow.Source
    /// Milliseconds from now for which it is believed; nil where that is until its reset.
    var goodFor: Int?
    /// The head of a refusal told that it is used up.
    var isRefused: Bool

    /// Windows of one hint.
    static let most = 48
    /// What is older is no news, in milliseconds.
    static let oldest = 10 * 60_000

    /// nil for what every node counts or reckons itself.
    init?(_ window: QuotaWindow, now: Int) {
        guard !window.isCounted, window.source != .reset, let share = window.share, now &- window.takenAt <= Self.oldest,
            now <= window.goodUntil
        else { return nil }
        (models, kind, source, self.share) = (window.models, window.kind, window.source, share)
        (limit, remaining) = (window.limit, window.remaining)
        resetsIn = window.resetsAt.map { $0 &- now }
        age = max(0, now &- window.takenAt)
        goodFor = window.goodUntil < .max ? min(window.goodUntil &- now, QuotaWindow.longest) : nil
        isRefused = window.isRefused
    }

    func window(now: Int) -> QuotaWindow {
        var window = QuotaWindow(
            models, kind: kind, share: share, resetsAt: resetsIn.map { now &+ $0 }, source: source, takenAt: now &- age,
            limit: limit,
            remaining: remaining)
        if let goodFor {
            window.goodUntil = now &+ goodFor
        } else if resetsIn == nil {
            // What names no end at all is for good nowhere.
            window.goodUntil = window.takenAt &+ QuotaWindow.lifeWithoutReset
        }
        window.isRefused = isRefused
        return window
    }

    var json: SmallJSON {
        var members: [(String, SmallJSON)] = [
            ("kind", .string(kind)), ("share", .literal("\(share)")), ("age", .literal("\(age)")),
            ("source", .string(source.rawValue)),
        ]
        if let limit { members.append(("limit", .literal("\(limit)"))) }
        if let remaining { members.append(("remaining", .literal("\(remaining)"))) }
        if let resetsIn { members.append(("resets", .literal("\(resetsIn)"))) }
        if let goodFor { members.append(("good", .literal("\(goodFor)"))) }
        if isRefused { members.append(("refusal", .literal("true"))) }
        switch models {
        case .all: break
        case .model(let name): members.append(("model", .string(name)))
        case .family(let name, let refused):
            members += [("family", .string(name)), ("refused", .array(refused.sorted().map { .string($0) }))]
        }
        return .object(members)
    }

    /// nil for what no vendor's window can be.
    init?(_ json: JSONValue) {
        guard let kind = Self.word(json["kind"], 64), let share = json["share"]?.double, share.isFinite, (0...1).contains(share),
            let age = json["age"]?.int, (0...Self.oldest).contains(age),
            let source = json["source"]?.string.flatMap({ QuotaWindow.Source(rawValue: $0) }), source != .declared,
            source != .reset
        else { return nil }
        (self.kind, self.share, self.age, self.source) = (kind, share, age, source)
        limit = json["limit"]?.int.flatMap { $0 >= 0 ? $0 : nil }
        remaining = json["remaining"]?.int.flatMap { $0 >= 0 ? $0 : nil }
        if let resets = json["resets"]?.int {
            guard (-QuotaWindow.longest...QuotaWindow.longest).contains(resets) else { return nil }
            resetsIn = resets
        }
        if let good = json["good"]?.int {
            guard (0...QuotaWindow.longest).contains(good) else { return nil }
            goodFor = good
        }
        isRefused = json["refusal"]?.bool == true
        if json["family"] != nil {
            let refused = (json["refused"]?.array ?? []).prefix(QuotaWindow.mostRefused).compactMap { Self.word($0, 256) }
            guard let name = Self.word(json["family"], 128) else { return nil }
            models = .family(name, refused: Set(refused))
        } else if json["model"] != nil {
            guard let name = Self.word(json["model"], AccountWindows.longestModel) else { return nil }
            models = .model(name)
        } else {
            models = .all
        }
    }

    static func word(_ value: JSONValue?, _ most: Int) -> String? {
        guard let text = value?.string, !text.isEmpty, text.utf8.count <= most, text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
        else { return nil }
        return text
    }
}
