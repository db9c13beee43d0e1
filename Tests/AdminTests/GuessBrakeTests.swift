import Crypto
import Foundation
import ProxyCore
import Testing

@testable import Admin

@Suite struct GuessBrakeTests {
    private func key(_ number: Int) -> SHA256Digest { SHA256.hash(data: Array("guess \(number)".utf8)) }
    private func at(_ seconds: Double) -> Date { Date(timeIntervalSince1970: 1_000_000 + seconds) }

    /// How often a guesser who never tires gets through within so many seconds.
    private func guesses(within seconds: Int, from address: String, _ brake: GuessBrake) -> Int {
        var count = 0
        for tick in 0..<(seconds * 10) {
            let now = at(Double(tick) / 10)
            guard brake.pause(of: address, now: now) == nil else { continue }
            _ = brake.wrong(key(count), from: address, now: now)
            count += 1
        }
        return count
    }

    @Test func tenGuessesAreFreeAndThenThePausesGrow() {
        let brake = GuessBrake()
        for number in 1...9 {
            _ = brake.wrong(key(number), from: "10.0.0.1", now: at(0))
            #expect(brake.pause(of: "10.0.0.1", now: at(0)) == nil)
        }
        var now = 0.0
        for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
            _ = brake.wrong(key(100 + pause + Int(now)), from: "10.0.0.1", now: at(now))
            #expect(brake.pause(of: "10.0.0.1", now: at(now)) == pause)
            now += Double(pause)
            #expect(brake.pause(of: "10.0.0.1", now: at(now)) == nil)
        }
    }

    @Test func anHourOfGuessingIsASeventyGuesses() {
        #expect(guesses(within: 3_600, from: "10.0.0.1", GuessBrake()) < 80)
    }

    @Test func otherAddressesAreNotTouched() {
        let brake = GuessBrake()
        for number in 0..<1_000 { _ = brake.wrong(key(number), from: "10.0.0.1", now: at(0)) }
        #expect(brake.pause(of: "10.0.0.1", now: at(0)) == 60)
        #expect(brake.pause(of: "::ffff:10.0.0.1", now: at(0)) == 60)
        for other in ["10.0.0.2", "::1", "unix", ""] { #expect(brake.pause(of: other, now: at(0)) == nil) }
    }

    @Test func anIPv6NetworkIsOneGuesser() {
        let brake = GuessBrake()
        for number in 0..<20 { _ = brake.wrong(key(number), from: "2001:db8::\(number)", now: at(0)) }
        #expect(brake.pause(of: "2001:db8::ffff", now: at(0)) != nil)
        #expect(brake.pause(of: "2001:db8:0:1::1", now: at(0)) == nil)
    }

    @Test func theRightKeyForgetsAndSoDoesTime() {
        let brake = GuessBrake()
        for number in 0..<12 { _ = brake.wrong(key(number), from: "a", now: at(0)) }
        brake.right(from: "a")
        #expect(brake.pause(of: "a", now: at(0)) == nil)
        for number in 0..<12 { _ = brake.wrong(key(number), from: "a", now: at(0)) }
        _ = brake.wrong(key(99), from: "a", now: at(3_700))
        #expect(brake.pause(of: "a", now: at(3_700)) == nil)
    }

    @Test func anOldKeyThatIsShownAgainAndAgainWaitsForASecond() {
        let brake = GuessBrake()
        for second in 0..<100 { _ = brake.wrong(key(1), from: "a", now: at(Double(second))) }
        #expect(brake.pause(of: "a", now: at(99)) == 1)
    }

    @Test func aClockThatIsPutBackLocksNobodyOut() {
        let brake = GuessBrake()
        for number in 0..<30 { _ = brake.wrong(key(number), from: "a", now: at(10_000)) }
        #expect(brake.pause(of: "a", now: at(0)) == nil)
    }

    @Test func linesAreFew() {
        let brake = GuessBrake()
        let told = (0..<500).compactMap { brake.wrong(key($0), from: "a", now: at(Double($0) / 10)) }
        #expect(told == [1])
        #expect(brake.wrong(key(1_000), from: "a", now: at(61)) == 500)
        let flood = (0..<5_000).count { brake.wrong(key($0), from: "10.\($0 / 250).\($0 % 250).1", now: at(62)) != nil }
        #expect(flood <= 20)
    }

    @Test func theTableIsBounded() {
        let brake = GuessBrake()
        for number in 0..<5_000 {
            _ = brake.wrong(
                key(number), from: "10.\(number / 62_500).\(number / 250 % 250).\(number % 250)", now: at(Double(number) / 25))
        }
        for number in 0..<10 { _ = brake.wrong(key(number), from: "10.9.9.9", now: at(300)) }
        #expect(brake.pause(of: "10.9.9.9", now: at(300)) != nil)
    }

    @Test("Behind the gate", arguments: ["/admin/keys", "/admin/config", "/metrics"])
    func gate(path: String) async {
        let service = AdminFixture().service()
        func ask(_ key: String, from address: String = "127.0.0.1") async -> LocalResponse {
            await service.respond(
                to: .to("GET", path, headers: [("x-api-key", key)], from: address))
        }
        for number in 0..<10 { #expect(await ask("guess \(number)").status == 403) }
        let refused = await ask("guess 10")
        #expect(refused.status == 429)
        #expect(refused.header("retry-after") == "1")
        #expect(refused.json?["error"]?["type"] == "too_many_requests")
        #expect(await ask(AdminFixture.adminKey).status == 429)
        #expect(await ask(AdminFixture.adminKey, from: "::1").status == 200)
    }
}
