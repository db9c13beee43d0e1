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
            arguments: [batch.node, batch.process, batch.directory, batch.header].map { Array($0.utf8) }
                + batch.messages.map { Array($0.text.utf8) })
        guard let answers = LeaseAnswers(reply) else { throw LimitServerFailure.refused("what it answers is no answer") }
        return answers
    }

    func reset(key: String, kind: LimitRate.Kind?, window: LimitRate.Window?, age: Int) async throws -> Int {
        let kinds = kind.map { [$0] } ?? [.requests, .tokens, .cost]
        let numbers = [window?.place ?? -1, max(0, age)] + kinds.map { $0.place + 1 }
        let reply = try await server.script(
            Self.resetScript, keys: [Array(key.utf8)], arguments: numbers.map { Array(String($0).utf8) })
        return min(max(0, reply.integer ?? 0), LeaseAnswers.latest)
    }
}

extension LeaseAnswers {
    /// The end of the year 9999, in milliseconds.
    fileprivate static let latest = 253_402_300_799_999

    /// nil where a server says something else, or a number that none can be.
    init?(_ reply: RESPValue) {
        guard let items = reply.items, items.count >= 4,
            let time = items[0].integer, (0...Self.latest).contains(time),
            let memory = items[1].integer,
            let nodes = items[2].integer, LeaseAnswer.numbers.contains(nodes),
            let learning = items[3].integer
        else { return nil }
        var answers: [LeaseAnswer?] = []
        for item in items.dropFirst(4) {
            let isOld = item.items?.isEmpty == true
            let answer = LeaseAnswer(item)
            guard isOld || answer != nil else { return nil }
            answers.append(answer)
        }
        self.init(time: time, memory: memory, nodes: nodes, isLearning: learning == 1, answers: answers)
    }
}

extension LeaseAnswer {
    /// What an amount can be, with room for what is added up of them and multiplied.
    static let numbers = 0...Int.max / 64

    /// nil where it says something else.
    init?(_ reply: RESPValue) {
        guard let items = reply.items, items.count >= 4, let number = items[0].integer else { return nil }
        var parts: [Part] = []
        for item in items.dropFirst(4) {
            guard let part = Part(item) else { return nil }
            parts.append(part)
        }
        self.init(number: number, resets: items[1...3].map { $0.integer ?? 0 }, parts: parts)
    }
}

extension LeaseAnswer.Part {
    init?(_ reply: RESPValue) {
        guard let items = reply.items, items.count >= 9 else { return nil }
        let numbers = items.map { max(0, $0.integer ?? 0) }
        guard let kind = LimitRate.Kind.allCases.first(where: { $0.place == numbers[0] }),
            numbers[1...8].allSatisfy({ LeaseAnswer.numbers.contains($0) })
        else { return nil }
        self.init(
            kind: kind, held: numbers[1], others: numbers[2], unheld: numbers[3], used: Array(numbers[4...7]), wait: numbers[8],
            resets: Array(numbers.dropFirst(9).prefix(4)), toldBefore: numbers.count > 13 ? numbers[13] : 0,
            rest: numbers.count > 14 ? min(numbers[14], 2 * SlidingMinute.length) : 0)
    }
}
