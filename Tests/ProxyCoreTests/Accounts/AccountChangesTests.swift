import Testing

@testable import ProxyCore

/// Which accounts something was last published of.
struct AccountChangesTests {
    private static func id(_ number: Int) -> AccountID { AccountID(upstream: "u", account: "\(number)") }

    @Test func `those since a version are told, until there were too many`() {
        var changes = AccountChanges()
        #expect(changes.since(0)?.isEmpty == true)
        for number in 0..<1_000 {
            changes.note(Self.id(number))
            #expect(changes.since(changes.version)?.isEmpty == true)
            #expect(changes.since(number).map(Array.init) == [Self.id(number)])
            guard number >= 60 else { continue }
            #expect(changes.since(number - 59).map(Array.init) == (number - 59...number).map(Self.id))
        }
        #expect(changes.since(0) == nil)
        #expect(changes.since(1_001) == nil, "nobody knows of what is to come")
    }

    @Test func `a change that is about all of them is about anybody`() {
        var states = AccountStates()
        let before = states.version
        states[windowsOf: Self.id(1)] = AccountWindows()
        states[stateOf: Self.id(2)] = nil
        states[loadOf: Self.id(3)] = AccountLoad()
        #expect(states.changes.since(before).map(Array.init) == [Self.id(1), Self.id(2), Self.id(3)])
        let after = states.version
        states.windows[Self.id(1)] = nil
        #expect(states.changes.since(after) == nil)
        #expect(states.changes.since(states.version)?.isEmpty == true)
    }
}
