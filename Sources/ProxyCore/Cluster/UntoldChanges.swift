import Dialects
import Foundation
import Logging
import Synchronization

/// What operators of this node did while the server of limits was away: blocks, and resets. It is kept in the state directory until the
/// server has heard of it, so that a restart meanwhile does not lose it.
final class UntoldChanges: Sendable {
    struct Kept: Equatable {
        var blocks: [BlockKey: SharedBlock] = [:]
        var resets: [LimitReset] = []
    }

    private let path: String
    private let logger: Logger?
    /// What the file has. One writes at a time.
    private let kept: Mutex<Kept>

    /// - Parameter directory: the state directory.
    init(directory: String, logger: Logger? = nil) {
        path = directory + "/untold.json"
        self.logger = logger
        kept = Mutex(Self.read(path) ?? Kept())
    }

    /// As it was kept last.
    var all: Kept { kept.withLock { $0 } }

    /// Writes what is new, where something is.
    func keep(_ change: (inout Kept) -> Void) {
        kept.withLock { kept in
            let before = kept
            change(&kept)
            guard kept != before else { return }
            do {
                try write(kept)
            } catch {
                logger?.warning(
                    "what the server of limits has not heard is not kept for a restart", metadata: [LogKeys.reason: "\(error)"])
            }
        }
    }

    private func write(_ kept: Kept) throws {
        guard kept != Kept() else { return try FileManager.default.removeItem(atPath: path) }
        let partial = path + ".new"
        try? FileManager.default.removeItem(atPath: partial)
        let file = try OutputFile(partial)
        try file.write(Self.json(kept).bytes)
        try file.replace(path, mode: 0o600)
    }

    private static let largest = 64 << 20
    /// Milliseconds. What was reset longer ago has begun anew by itself, or is for an operator to judge again.
    private static let longest = 86_400_000

    /// What cannot be read was never told, and is not known any more: blocks that hold are in the ledger, too.
    private static func read(_ path: String) -> Kept? {
        guard let size = StateFiles.size(path), size <= largest, let data = FileManager.default.contents(atPath: path),
            let document = try? JSONValue(parsing: [UInt8](data), limits: .init(depth: 8, count: 500_000))
        else { return nil }
        var kept = Kept()
        for entry in document["blocks"]?.array ?? [] {
            guard let limit = entry["limit"]?.string, let bucket = entry["bucket"]?.string,
                let key = BlockKey(limit: limit, bucket: bucket), let block = entry["block"]?.string.flatMap({ SharedBlock($0) })
            else { continue }
            kept.blocks[key] = block
        }
        let now = LoopContext.wallClock()
        kept.resets = (document["resets"]?.array ?? []).compactMap { entry in
            guard let limit = entry["limit"]?.string, let bucket = entry["bucket"]?.string, let time = entry["time"]?.int,
                time > now - longest
            else { return nil }
            return LimitReset(
                limit: limit, bucket: bucket, kind: entry["kind"]?.string.flatMap(LimitRate.Kind.init),
                window: entry["window"]?.string.flatMap(LimitRate.Window.init), time: time)
        }
        return kept
    }

    private static func json(_ kept: Kept) -> JSONValue {
        let blocks = kept.blocks.map { key, block in
            JSONValue.members(
                ("limit", .string(key.limit)), ("bucket", .string(key.bucket)), ("block", .string(block.text)))
        }
        let resets = kept.resets.map { reset in
            JSONValue.members(
                ("limit", .string(reset.limit)), ("bucket", .string(reset.bucket)),
                ("kind", reset.kind.map { .string($0.rawValue) } ?? .null),
                ("window", reset.window.map { .string($0.rawValue) } ?? .null), ("time", .int(reset.time)))
        }
        return .members(("blocks", .array(blocks)), ("resets", .array(resets)))
    }
}
