import Basics
import Dialects
import Foundation
import Logging
import ProxyCore

/// What operators see of limits and do to them.
struct LimitHandler {
    let limits: any LimitAdministration
    let keys: any KeyAdministration
    let snapshot: Snapshot
    let now: Date
    let logger: Logger

    enum Change: Sendable, Hashable { case reset, block, unblock }

    /// - Parameter query: `key` (an id, or a name that is unique), `limit` and `bucket` narrow the list. Of a key are the limits of
    ///   its policy, used or not, and the buckets of entries that bear its id (`per: key.id`): in which others it counts is known
    ///   only when it asks. A `bucket` that is a key's id has its policy's limits too, used or not. `count` makes it a page of so
    ///   many buckets, `before` goes on from there. `bucket` more than once is each of them; `nearest` are so many of all that
    ///   are nearest to their end. What is asked for by key or bucket is as all nodes have it, where they share limits.
    func list(_ query: RequestQuery) async throws(AdminFailure) -> JSONValue {
        var wanted = snapshot.limits.policies.inKeyOrder().map(\.value) + snapshot.limits.entries.map(\.limit)
        if let most = try query.count("nearest", upTo: 100) { return nearest(most) }
        let buckets = query.all("bucket")
        if buckets.count > 1 { return ["limits": .array(try await several(buckets).map(shape))] }
        /// One that is empty is none.
        func said(_ name: String) -> String? { query[name].flatMap { $0.isEmpty ? nil : $0 } }
        let bucket = said("bucket").map(LimitEntry.bucket)
        var rate: LimitRate?
        if let title = said("limit") {
            let found = try find(title)
            (wanted, rate) = ([found.limit], found.rate)
        }
        let page = try LimitPage(query, of: wanted)
        var figures: [LimitFigure]
        var next: LimitCharge?
        if let reference = said("key") {
            let key = try findKey(reference)
            let isKeys = bucket == nil || bucket == key.id
            if !isKeys { wanted = [] }
            await limits.refresh(
                wanted.filter { $0.origin == .entry || $0 === snapshot.limits.policies[key.policy] }, buckets: [key.id])
            let own = wanted.filter { $0 === snapshot.limits.policies[key.policy] }
            figures = limits.figures(own, bucket: key.id, listsUntouched: true)
            let entries = wanted.filter { $0.origin == .entry }
            figures += limits.figures(entries, bucket: key.id, listsUntouched: false)
        } else if let page, bucket == nil {
            (figures, next) = limits.figures(wanted, count: page.count, after: page.before)
        } else if let bucket {
            await limits.refresh(wanted, buckets: [bucket])
            // A key that has asked nothing has all of its policy's limits left.
            let own = keys.find(reference: bucket).flatMap { $0.id == bucket ? snapshot.limits.policies[$0.policy] : nil }
            figures = wanted.flatMap { limits.figures([$0], bucket: bucket, listsUntouched: $0 === own) }
        } else {
            figures = limits.figures(wanted, bucket: nil, listsUntouched: false)
        }
        let shown: JSONValue = ["limits": .array(figures.filter { rate == nil || $0.rate == rate }.map(shape))]
        return page == nil ? shown : shown.adding(["next": .text(next.map(LimitPage.cursor))])
    }

    /// The figures that are nearest to their end, those of blocked buckets first, whose each is, and how many are used at all.
    private func nearest(_ most: Int) -> JSONValue {
        let wanted = snapshot.limits.policies.inKeyOrder().map(\.value) + snapshot.limits.entries.map(\.limit)
        var (found, used, last): ([LimitFigure], Int, LimitCharge?) = ([], 0, nil)
        repeat {
            // A piece at a time: requests wait for the same lock.
            let page = limits.figures(wanted, count: 1_000, after: last)
            let fresh = page.figures.filter { $0.blockedUntil != nil || $0.used > 0 || $0.reserved > 0 }
            used += fresh.count
            found = Array((found + fresh).sorted { Self.weight($0) > Self.weight($1) }.prefix(most))
            last = page.next
        } while last != nil
        return [
            "limits": .array(found.map { shape($0).adding(["name": .text(keys.find(reference: $0.bucket)?.name)]) }),
            "used": .int(used),
        ]
    }

    private static func weight(_ figure: LimitFigure) -> Double {
        let share = figure.rate.most > 0 ? (Double(figure.used) + Double(figure.reserved)) / Double(figure.rate.most) : 1
        return (figure.blockedUntil == nil ? 0 : 1e18) + share
    }

    /// The figures of several buckets, whichever limit they are of.
    private func several(_ buckets: [String]) async throws(AdminFailure) -> [LimitFigure] {
        guard buckets.count <= 100 else { throw AdminFailure(.badRequest, "at most 100 buckets can be asked for at once") }
        let wanted = snapshot.limits.policies.inKeyOrder().map(\.value) + snapshot.limits.entries.map(\.limit)
        await limits.refresh(wanted, buckets: buckets.map(LimitEntry.bucket))
        return buckets.flatMap { limits.figures(wanted, bucket: LimitEntry.bucket($0), listsUntouched: false) }
    }

    /// - Parameter body: `{"bucket"}`, and for a block `"for": "1h"`; without it until somebody lets it through again.
    func change(_ title: String, _ change: Change, _ body: [UInt8]) async throws -> JSONValue {
        let (limit, rate) = try find(title)
        let object = try AdminBody.object(body)
        let known: Set<String> = change == .block ? ["bucket", "for"] : ["bucket"]
        if let other = object.members.first(where: { !known.contains($0.key) }) {
            throw AdminFailure(
                .badRequest, "'\(other.key)' is not known here; \(known.sorted().joined(separator: " and ")) can be said")
        }
        guard let text = object["bucket"]?.string, !text.isEmpty else {
            throw AdminFailure(.badRequest, "'bucket' must be a text: which bucket of the limit is meant")
        }
        let bucket = limit.origin == .policy ? try findKey(text, of: limit).id : LimitEntry.bucket(text)
        var answer: [(String, JSONValue)] = [("limit", .string(title)), ("bucket", .string(bucket))]
        switch change {
        case .reset:
            try await storing("begins at zero") {
                try await limits.reset(limit, bucket: bucket, kind: rate?.kind, window: rate?.window)
            }
            answer.insert(("status", "reset"), at: 0)
        case .block:
            let until = try end(of: object["for"])
            try await storing("is blocked") { try await limits.block(limit, bucket: bucket, until: until, as: title) }
            answer.insert(("status", "blocked"), at: 0)
            answer.append(("blocked_until", instant(until)))
        case .unblock:
            try await storing("is not blocked any more") {
                try await limits.block(limit, bucket: bucket, until: 0, as: title)
            }
            answer.insert(("status", "unblocked"), at: 0)
        }
        tell(change, title, bucket)
        return .ordered(answer)
    }

    /// A change holds from now on; where it cannot be stored, it does so until a restart.
    private func storing(_ holds: String, _ change: () async throws -> Void) async throws(AdminFailure) {
        do {
            try await change()
        } catch {
            logger.error("a change of a limit cannot be stored", metadata: [LogKeys.reason: "\(error)"])
            throw AdminFailure(
                .unavailable, "the bucket \(holds), but that could not be stored: a restart forgets it; the log says why")
        }
    }

    /// What an operator does to a limit is a line of the log, as what befalls it is.
    private func tell(_ change: Change, _ title: String, _ bucket: String) {
        let metadata: Logger.Metadata = [LogKeys.limit: "\(title)", LogKeys.bucket: "\(bucket.prefix(200))"]
        switch change {
        case .reset: logger.notice("a limit begins at zero", metadata: metadata)
        case .block: logger.notice("a limit is blocked", metadata: metadata)
        case .unblock: logger.notice("a limit is not blocked any more", metadata: metadata)
        }
    }

    // MARK: Looking up

    /// An entry of this name, the limits of a policy, or one of them.
    private func find(_ title: String) throws(AdminFailure) -> (limit: UsageLimit, rate: LimitRate?) {
        let isEntrys = snapshot.limits.entries.contains { $0.limit.name == title }
        if !isEntrys, let policy = snapshot.limits.policies[title] { return (policy, nil) }
        guard let found = snapshot.limits.find(title) else { throw AdminFailure(.notFound, "no limit is called '\(title)'") }
        return found
    }

    private func findKey(_ reference: String) throws(AdminFailure) -> ClientKey {
        if let key = keys.find(reference: reference) { return key }
        try keys.refuseAmbiguous(reference)
        throw AdminFailure(.notFound, "no key has this id or this name")
    }

    private func findKey(_ reference: String, of limit: UsageLimit) throws(AdminFailure) -> ClientKey {
        let key = try findKey(reference)
        guard snapshot.limits.policies[key.policy] === limit else {
            throw AdminFailure(.notFound, "the key '\(key.name)' is of the policy '\(key.policy)', not of '\(limit.name)'")
        }
        return key
    }

    /// Milliseconds since 1970.
    private func end(of value: JSONValue?) throws(AdminFailure) -> Int {
        switch value {
        case nil, .null?: return .max
        case let value?:
            guard let text = value.string, let time = WrittenDuration.seconds(text), (1...Self.longest).contains(time) else {
                throw AdminFailure(.badRequest, "'for' must be a duration up to 366d, as 30s, 10m, 1h or 7d")
            }
            return (Int(clamping: now) + time) * 1_000
        }
    }

    /// Seconds.
    private static let longest = 366 * 86_400

    // MARK: Shape

    private func shape(_ figure: LimitFigure) -> JSONValue {
        func amount(_ value: Int) -> JSONValue { figure.rate.kind == .cost ? .dollars(value) : .int(value) }
        return [
            "limit": .string(figure.limit), "bucket": .string(figure.bucket), "kind": .string(figure.rate.kind.rawValue),
            "window": .string(figure.rate.window.rawValue), "max": amount(figure.rate.most), "used": amount(figure.used),
            "reserved": amount(figure.reserved), "remaining": amount(figure.remaining),
            "resets_at": figure.resetsAt.map(instant) ?? .null, "blocked_until": figure.blockedUntil.map(instant) ?? .null,
        ]
    }

    /// - Parameter milliseconds: since 1970; what lies beyond all calendars is their last second.
    private func instant(_ milliseconds: Int) -> JSONValue {
        let seconds = milliseconds / 1_000 + (milliseconds % 1_000 > 0 ? 1 : 0)
        return .string(ZonedTime(zone: snapshot.configuration.timeZone).iso(seconds: seconds))
    }
}
