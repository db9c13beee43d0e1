/// Where nodes tell of themselves, and read of the others.
protocol NodeBoard: Sendable {
    /// A heartbeat, unless another instance with the name lives. Gives `{1, now, name, stored, …}` or `{0, now, stored}`.
    /// - Parameter force: the name is taken all the same.
    func beat(_ name: String, instance: String, record: String, force: Bool) async throws -> [RESPValue]

    /// A node goes, and says so.
    func leave(_ name: String, instance: String) async throws
}

/// The board at the server of limits.
struct LimitServerNodes: NodeBoard {
    let server: any LimitServer

    func beat(_ name: String, instance: String, record: String, force: Bool) async throws -> [RESPValue] {
        let arguments = [name, instance, record, "\(NodeRoster.lifetime)", force ? "1" : "0", "\(NodeRoster.memory)"]
        return try await server.script(NodeScripts.beat, keys: [NodeScripts.key], arguments: arguments.map { Array($0.utf8) })
            .items ?? []
    }

    func leave(_ name: String, instance: String) async throws {
        _ = try await server.script(
            NodeScripts.leave, keys: [NodeScripts.key], arguments: [Array(name.utf8), Array(instance.utf8)])
    }
}
