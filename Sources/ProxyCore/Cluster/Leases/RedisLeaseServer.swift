/// Leases that are kept by Redis or Valkey.
struct RedisLeaseServer: LeaseServer {
    let server: any LimitServer

    private static let exchangeScript = LimitScript(LeaseScript.exchange)
    private static let resetScript = LimitScript(LeaseScript.reset)
    /// Who is there, and which memory it is.
    private static let beat = Array("proxyd:limits:nodes".utf8)

    func exchange(_ batch: LeaseBatch) async throws -> LeaseAnswers {
        let reply = try await server.script(
            Self.exchangeScript, keys: [Self.beat] + batch.messages.map { Array($0.key.utf8) },
            arguments: [Array(batch.node.utf8), Array(batch.process.utf8), Array(batch.header.utf8)]
                + batch.messages.map { Array($0.text.utf8) })
        guard let answers = LeaseAnswers(reply) else { throw LimitServerFailure.refused("what it answers is no answer") }
        return answers
    }

    func reset(key: String, kind: LimitRate.Kind?) async throws {
        let kinds = kind.map { [$0] } ?? [.requests, .tokens, .cost]
        _ = try await server.script(
            Self.resetScript, keys: [Array(key.utf8)], arguments: kinds.map { Array(String($0.place + 1).utf8) })
    }
}

extension LeaseAnswers {
    /// nil where a server says something else.
    init?(_ reply: RESPValue) {
        guard let items = reply.items, items.count >= 4, let time = items[0].integer, let memory = items[1].integer,
            let nodes = items[2].integer, let learning = items[3].integer
        else { return nil }
        self.init(
            time: time, memory: memory, nodes: nodes, isLearning: learning == 1, answers: items.dropFirst(4).map(LeaseAnswer.init)
        )
    }
}

extension LeaseAnswer {
    /// nil where the message was an old one.
    init?(_ reply: RESPValue) {
        guard let items = reply.items, items.count >= 4, let number = items[0].integer else { return nil }
        self.init(number: number, resets: items[1...3].map { $0.integer ?? 0 }, parts: items.dropFirst(4).compactMap(Part.init))
    }
}

extension LeaseAnswer.Part {
    init?(_ reply: RESPValue) {
        guard let items = reply.items, items.count >= 9 else { return nil }
        let numbers = items.map { Swift.max(0, $0.integer ?? 0) }
        guard let kind = LimitRate.Kind.allCases.first(where: { $0.place == numbers[0] }) else { return nil }
        self.init(
            kind: kind, held: numbers[1], others: numbers[2], unheld: numbers[3], used: Array(numbers[4...7]), wait: numbers[8])
    }
}
