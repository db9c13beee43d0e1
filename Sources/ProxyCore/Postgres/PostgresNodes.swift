import Dispatch
import Synchronization

/// The nodes that share a store and no server of limits, or have lost it, in a table of the store. It answers as `NodeScripts` do, by the store's clock.
final class PostgresNodes: NodeBoard {
    private let store: PostgresStore
    private let queue = DispatchQueue(label: "proxyd.shared.nodes", qos: .utility)
    private let pause = Mutex(Pause())

    /// The pause after failures, in which nothing is tried.
    private struct Pause {
        var failures = 0
        /// When the pause ends, by the steady clock.
        var until = Int.min
    }

    /// Seconds for a statement.
    private static let patience = 3
    private static let mostNodes = 2_000
    /// Milliseconds since 1970.
    private static let now = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"

    init(_ address: PostgresAddress) { store = PostgresStore(address, as: nil, patience: Self.patience) }

    func beat(_ name: String, instance: String, record: String, force: Bool) async throws -> [RESPValue] {
        try await onQueue { store in
            try store.write { connection, _ in
                let isTaken =
                    try connection.execute(
                        """
                        INSERT INTO proxyd_node AS node (name, instance, seen, record) VALUES ($1, $2, \(Self.now), $3)
                        ON CONFLICT (name) DO UPDATE SET instance = excluded.instance, seen = excluded.seen, record = excluded.record
                        WHERE node.instance = excluded.instance OR $4 = 1 OR abs(node.seen - excluded.seen) >= $5
                        """,
                        [.text(name), .text(instance), .text(record), .number(force ? 1 : 0), .number(NodeRoster.lifetime)]
                    ).affected == 0
                try connection.execute(
                    "DELETE FROM proxyd_node WHERE abs(seen - \(Self.now)) > $1", [.number(NodeRoster.memory)])
                let rows = try connection.execute(
                    """
                    SELECT \(Self.now), name, seen, instance, record FROM proxyd_node WHERE $1 = 0 OR name = $2
                    ORDER BY name LIMIT \(Self.mostNodes)
                    """, [.number(isTaken ? 1 : 0), .text(name)])
                return Self.reply(rows, isTaken: isTaken)
            }
        }
    }

    func leave(_ name: String, instance: String) async throws {
        try await onQueue { store in
            try store.write { connection, _ in
                _ = try connection.execute(
                    "DELETE FROM proxyd_node WHERE name = $1 AND instance = $2", [.text(name), .text(instance)])
            }
        }
    }

    /// `{1, now, name, stored, …}` or `{0, now, stored}`.
    private static func reply(_ rows: PostgresRows, isTaken: Bool) -> [RESPValue] {
        var reply: [RESPValue] = [.integer(isTaken ? 0 : 1), .integer(rows.first?.integer(0) ?? 0)]
        for row in rows.rows.map(PostgresRow.init) {
            if !isTaken { reply.append(.bytes(Array(row.text(1).utf8))) }
            reply.append(.bytes(Array("\(row.integer(2)) \(row.text(3)) \(row.text(4))".utf8)))
        }
        return reply
    }

    private func onQueue<Result: Sendable>(_ work: @escaping @Sendable (PostgresStore) throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { [self] in continuation.resume(with: Swift.Result { try tried(work) }) }
        }
    }

    private func tried<Result>(_ work: (PostgresStore) throws -> Result) throws -> Result {
        let (failures, until) = pause.withLock { ($0.failures, $0.until) }
        guard SteadyClock.milliseconds >= until else { throw PostgresFailure.unreachable("it is tried again later") }
        do {
            let result = try work(store)
            pause.withLock { $0 = Pause() }
            return result
        } catch {
            let next = min(failures + 1, 4)
            pause.withLock { $0 = Pause(failures: next, until: SteadyClock.milliseconds + (500 << next)) }
            throw error
        }
    }
}
