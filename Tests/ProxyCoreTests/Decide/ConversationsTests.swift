import Basics
import Dialects
import RuleEngine
import Testing

@testable import ProxyCore

/// Four hundred conversations of twenty turns over three accounts, one of which fails in the middle and returns.
struct ConversationsTests {
    private typealias Fixture = ChoosingFixture
    private static let conversations = 400
    private static let turns = 20
    /// Between two turns of a conversation, in milliseconds.
    private static let pause = 30_000
    /// The turns at which the account fails and is back.
    private static let failing = 8..<11

    private struct Course: Sendable {
        /// Turns that went to the account that served the conversation's turn before, of those that had one that could serve.
        var stayed = 0
        var moved = 0
        var unserved = 0
        /// By account, the conversations of the last turn.
        var last = [0, 0, 0]
    }

    /// Each choice is run once, for all that look at it.
    private static let courses = Dictionary(uniqueKeysWithValues: Tier.Choice.allCases.map { ($0, run($0)) })

    private static func run(_ choice: Tier.Choice) -> Course {
        let upstreams = [Fixture.upstream(3, choice)]
        let (route, choosing) = (Fixture.route(upstreams), upstreams.map { UpstreamAccounts($0) })
        let table = AffinityTable()
        var random = SplitMix64(state: 12)
        var before = Array(repeating: -1, count: conversations)
        var course = Course()
        for turn in 0..<turns {
            let book = AccountBook()
            let now = Fixture.now + turn * pause
            if failing.contains(turn) {
                book.cool(Fixture.id("1"), model: "m", until: now + 10_000, reason: .response(.status(503)), now: now)
            }
            let states = book.states.current
            for conversation in 0..<conversations {
                let key = UInt64(conversation) &* 0x9e37_79b9_7f4a_7c15 | 1
                var plan = Fixture.plan(route, choosing, seed: random.next())
                plan.bound.conversation = table.find(key, now: now)
                guard let next = plan.next(states, now: now) else {
                    course.unserved += 1
                    continue
                }
                let mark = route.tiers[0].mark(of: choosing[0].ids[next.account], model: next.model)
                table.bind(key, to: mark, before: plan.bound.conversation, now: now)
                let last = before[conversation]
                let couldStay = last >= 0 && !(failing.contains(turn) && last == 1)
                if couldStay, last == next.account { course.stayed += 1 }
                if couldStay, last != next.account { course.moved += 1 }
                before[conversation] = next.account
                if turn == turns - 1 { course.last[next.account] += 1 }
            }
        }
        return course
    }

    @Test(arguments: Tier.Choice.allCases)
    func `a conversation stays with its account as long as that can serve`(choice: Tier.Choice) throws {
        let course = try #require(Self.courses[choice])
        #expect(course.unserved == 0)
        #expect(course.moved == 0)
        // All turns but the first ones and those of the conversations that had to move: far more than 95 in 100.
        let all = Self.conversations * (Self.turns - 1)
        #expect(course.stayed >= all - Self.conversations)
        #expect(course.stayed * 100 >= all * 95)
    }

    @Test func `whose account failed stays where it went`() throws {
        let course = try #require(Self.courses[.weighted])
        #expect(course.last[1] == 0, "they moved away, and nobody made them move back")
        #expect(course.last[0] > 130 && course.last[2] > 130, "shared by weight: \(course.last)")
    }
}
