import Basics
import Dialects

/// What a node tells the others, best effort. A value that is bounded, and of which an old or odd one is ignored.
struct Hint: Sendable, Equatable {
    enum Subject: Sendable, Equatable {
        /// A bucket of a limit was blocked, or let through again.
        case block(BlockKey, SharedBlock)
        /// An account is limited for a model, for so many milliseconds more.
        case cooldown(AccountID, model: String, rest: Int, FallbackPolicy.Trigger)
        /// An operator ended what was held against an account.
        case freed(AccountID)
        case windows(AccountID, [SharedWindow])
        /// The server has lost its memory, and has this one now.
        case memory(Int)
    }

    /// The instance that tells it.
    var from: String
    var subject: Subject

    static let channel = "hints"
    /// Bytes of one.
    static let most = 16_384
}

/// A bucket of a limit.
struct BlockKey: Sendable, Hashable {
    var limit: String
    var bucket: String

    init?(limit: String, bucket: String) {
        guard !limit.isEmpty, limit.utf8.count <= 512, bucket.utf8.count <= 2_048, !limit.utf8.contains(0) else { return nil }
        self.limit = limit
        self.bucket = bucket
    }

    /// What the server calls it: the limit, a zero byte, the bucket.
    var field: [UInt8] { Array(limit.utf8) + [0] + Array(bucket.utf8) }

    init?(field: [UInt8]) {
        guard let mark = field.firstIndex(of: 0) else { return nil }
        self.init(
            limit: String(decoding: field[..<mark], as: UTF8.self), bucket: String(decoding: field[(mark + 1)...], as: UTF8.self))
    }
}

/// A bucket that is blocked, and until when.
struct SharedBlock: Sendable, Hashable {
    /// Milliseconds since 1970; 0: it is let through.
    var until: Int
    /// What the limit is called by who blocked it.
    var title: String
    /// When that was done, by the server's clock in milliseconds; 0 where nobody knows any more. The latest holds.
    var stamp: Int

    static let longestTitle = 512

    /// `1764230000000 0 team budget`
    var text: String { "\(stamp) \(until) \(title)" }

    init(until: Int, title: String, stamp: Int) {
        self.until = until
        self.title = String(title.prefix(Self.longestTitle))
        self.stamp = stamp
    }

    init?(_ text: String) {
        guard text.utf8.count <= 4 * Self.longestTitle else { return nil }
        let parts = text.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let stamp = Int(parts[0]), let until = Int(parts[1]), stamp >= 0, until >= 0 else { return nil }
        self.init(until: until, title: String(parts[2]), stamp: stamp)
    }
}

extension Hint {
    var bytes: [UInt8] {
        var members: [(String, SmallJSON)] = [("v", .literal("1")), ("from", .string(from))]
        switch subject {
        case .block(let key, let block):
            members += [
                ("kind", .string("block")), ("limit", .string(key.limit)), ("bucket", .string(key.bucket)),
                ("block", .string(block.text)),
            ]
        case .cooldown(let id, let model, let rest, let trigger):
            members += [("kind", .string("cooldown"))] + Self.members(id)
            members += [
                ("model", .string(model)), ("rest", .literal("\(rest)")), ("reason", .string(trigger.description)),
            ]
        case .memory(let memory): members += [("kind", .string("memory")), ("memory", .literal("\(memory)"))]
        case .freed(let id): members += [("kind", .string("freed"))] + Self.members(id)
        case .windows(let id, let windows):
            members += [("kind", .string("windows"))] + Self.members(id) + [("windows", .array(windows.map(\.json)))]
        }
        return Array(SmallJSON.object(members).text().utf8)
    }

    /// nil for what no node of this version would say.
    init?(_ bytes: [UInt8]) {
        guard bytes.count <= Self.most, let json = try? JSONValue(parsing: bytes), json["v"]?.int == 1,
            let from = json["from"]?.string, from.utf8.count <= 64
        else { return nil }
        self.from = from
        switch json["kind"]?.string {
        case "block":
            guard let limit = json["limit"]?.string, let bucket = json["bucket"]?.string,
                let key = BlockKey(limit: limit, bucket: bucket), let block = json["block"]?.string.flatMap({ SharedBlock($0) })
            else { return nil }
            subject = .block(key, block)
        case "cooldown":
            guard let id = Self.account(json), let model = SharedWindow.word(json["model"], AccountWindows.longestModel),
                let rest = json["rest"]?.int, (0...QuotaWindow.longest).contains(rest),
                let trigger = json["reason"]?.string.flatMap({ FallbackPolicy.Trigger($0) })
            else { return nil }
            subject = .cooldown(id, model: model, rest: rest, trigger)
        case "memory":
            guard let memory = json["memory"]?.int else { return nil }
            subject = .memory(memory)
        case "freed":
            guard let id = Self.account(json) else { return nil }
            subject = .freed(id)
        case "windows":
            guard let id = Self.account(json), let items = json["windows"]?.array, items.count <= SharedWindow.most else {
                return nil
            }
            let windows = items.compactMap { SharedWindow($0) }
            guard windows.count == items.count else { return nil }
            subject = .windows(id, windows)
        default: return nil
        }
    }

    private static func members(_ id: AccountID) -> [(String, SmallJSON)] {
        [("upstream", .string(id.upstream)), ("account", .string(id.account))]
    }

    private static func account(_ json: JSONValue) -> AccountID? {
        guard let upstream = SharedWindow.word(json["upstream"], 256), let account = SharedWindow.word(json["account"], 256)
        else {
            return nil
        }
        return AccountID(upstream: upstream, account: account)
    }
}
