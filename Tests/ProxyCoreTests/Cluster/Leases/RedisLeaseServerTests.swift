import Testing

@testable import ProxyCore

/// What a server of limits answers, and what of it is believed: its numbers are added up and multiplied.
struct RedisLeaseServerTests {
    private static let latest = 253_402_300_799_999

    private static func reply(
        time: RESPValue = .integer(1_800_000_000_000), nodes: RESPValue = .integer(3), messages: [RESPValue] = []
    ) -> RESPValue {
        .array([time, .integer(7), nodes, .integer(0)] + messages)
    }

    /// A message about tokens.
    /// - Parameter numbers: held, others, unheld, used in a minute, a day, a month and in all, wait.
    private static func message(_ numbers: [Int]) -> RESPValue {
        let part = RESPValue.array(([LimitRate.Kind.tokens.place] + numbers).map { .integer($0) })
        return .array([.integer(5), .integer(0), .integer(0), .integer(0), part])
    }

    @Test func `an answer is read, and an old message has none`() throws {
        let answers = try #require(LeaseAnswers(Self.reply(messages: [Self.message([1, 2, 3, 4, 5, 6, 7, 8]), .array([])])))
        #expect(answers.time == 1_800_000_000_000)
        #expect(answers.nodes == 3)
        #expect(answers.answers.count == 2)
        let part = try #require(answers.answers[0]?.parts.first)
        #expect(part.kind == .tokens)
        #expect([part.held, part.others, part.unheld] + part.used + [part.wait] == [1, 2, 3, 4, 5, 6, 7, 8])
        #expect(answers.answers[1] == nil)
        // A server that is told by another version says no more.
        #expect(part.resets.isEmpty && part.toldBefore == 0)
    }

    @Test func `what was reset is read, of one window too`() throws {
        let told = Self.message([1, 2, 3, 4, 5, 6, 7, 8, 0, 1_800_000_000_001, 0, 0, 1_800_000_000_000])
        let answer = try #require(LeaseAnswers(Self.reply(messages: [told]))?.answers[0])
        let times = zip(LeaseReset.all, answer.resetTimes).filter { $0.1 >= 0 }
        #expect(times.filter { $0.0.window == nil }.map(\.1) == [0, 0, 0])
        #expect(times.filter { $0.0.kind == .tokens && $0.0.window != nil }.map(\.1) == [0, 1_800_000_000_001, 0, 0])
        #expect(times.count == 7)
        // What a process before had heard of lies before it.
        let before = zip(LeaseReset.all, answer.resetTimesBefore).filter { $0.1 >= 0 }
        #expect(before.count == 5 && before.allSatisfy { $0.0.kind == .tokens && $0.1 == 1_800_000_000_000 })
    }

    @Test(arguments: [Int.max, .max / 2, .min, -1, latest + 1])
    func `a time that is none is no answer`(time: Int) {
        #expect(LeaseAnswers(Self.reply(time: .integer(time))) == nil)
        #expect(LeaseAnswers(Self.reply(time: .bytes(Array("\(time)".utf8)))) == nil)
    }

    @Test(arguments: [Int.max, .max / 2, .min, -1])
    func `a number of nodes that is none is no answer`(nodes: Int) {
        #expect(LeaseAnswers(Self.reply(nodes: .integer(nodes))) == nil)
    }

    @Test(arguments: 0..<8)
    func `an amount that nobody has is no answer, and one below nothing is nothing`(place: Int) throws {
        for amount in [Int.max, .max / 2, .max / 64 + 1] {
            var numbers = [Int](repeating: 1, count: 8)
            numbers[place] = amount
            #expect(LeaseAnswers(Self.reply(messages: [Self.message(numbers)])) == nil, "\(amount)")
        }
        var numbers = [Int](repeating: 1, count: 8)
        numbers[place] = .min
        let answers = try #require(LeaseAnswers(Self.reply(messages: [Self.message(numbers)])))
        let part = try #require(answers.answers[0]?.parts.first)
        #expect(([part.held, part.others, part.unheld] + part.used + [part.wait])[place] == 0)
    }

    @Test func `a message that is none is no answer`() {
        for message in [
            RESPValue.integer(1), .array([.integer(1)]), .bytes([]), .null,
            .array([.integer(5), .integer(0), .integer(0), .integer(0), .array([.integer(1)])]),
        ] {
            #expect(LeaseAnswers(Self.reply(messages: [message])) == nil)
        }
    }
}
