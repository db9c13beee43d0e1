import Basics
import Testing

@testable import ProxyCore

/// What `/health` says, and what it means for a model (config.md, "Proactive").
struct QuotaReadingTests {
    static let now = 1_800_000_000_000

    private func parse(_ json: String) -> QuotaReading? {
        QuotaReading(health: Array(json.utf8), takenAt: Self.now, goodUntil: Self.now + 60_000)
    }

    @Test(arguments: [
        // accounts, the share of model `m`
        (#"[{"models":{"m":{"remainingFraction":0.8}}}]"#, QuotaLevel.known(0.8)),
        (#"[{"models":{"m":{"remainingFraction":0.0}}},{"models":{"m":{"remainingFraction":1}}}]"#, .known(1)),
        (#"[{"models":{"m":{"remainingFraction":0.02}}},{"models":{}}]"#, .known(0.02)),
        (
            #"[{"status":"invalid","models":{"m":{"remainingFraction":1}}},{"status":"ok","models":{"m":{"remainingFraction":0.01}}}]"#,
            .known(0.01)
        ),
        (#"[{"status":"error","models":{"m":{"remainingFraction":1}}}]"#, .unknown),
        (#"[{"models":{"m":{"remainingFraction":null,"resetTime":"2099-01-01T00:00:00Z"}}}]"#, .known(0)),
        (#"[{"models":{"m":{"remainingFraction":null,"resetTime":"2001-01-01T00:00:00Z"}}}]"#, .unknown),
        (#"[{"models":{"m":{"remainingFraction":null,"resetTime":1800003600}}}]"#, .known(0)),
        (#"[{"models":{"m":{"remainingFraction":null,"resetTime":1800003600000}}}]"#, .known(0)),
        (#"[{"models":{"m":{"remainingFraction":null,"resetTime":1799996400}}}]"#, .unknown),
        (#"[{"models":{"m":{"remainingFraction":null,"resetTime":-5}}}]"#, .unknown),
        (#"[{"models":{"m":{"remainingFraction":null,"resetTime":null}}}]"#, .unknown),
        (#"[{"models":{"other":{"remainingFraction":0.5}}}]"#, .unknown),
        (#"[{"status":"rate-limited","models":{"m":{"remainingFraction":0.5}}}]"#, .known(0.5)),
        (
            #"[{"models":{"m":{"remainingFraction":0.5}},"modelRateLimits":{"m":{"isRateLimited":true,"resetTime":4000000000000}}}]"#,
            .known(0)
        ),
        (
            #"[{"models":{"m":{"remainingFraction":0.5}},"modelRateLimits":{"m":{"isRateLimited":true,"resetTime":1000}}}]"#,
            .known(0.5)
        ),
        (#"[{"models":{"m":{"remainingFraction":7}}}]"#, .unknown),
        (#"[{"models":{"m":{"remainingFraction":-0.5,"resetTime":"2099-01-01T00:00:00Z"}}}]"#, .unknown),
        (#"[{"models":{"m":{"remainingFraction":1.0000000002}}}]"#, .known(1)),
        (#"[]"#, .unknown),
    ])
    func `the best account that counts gives a model's share`(accounts: String, expected: QuotaLevel) throws {
        let reading = try #require(parse(#"{"status":"ok","accounts":\#(accounts)}"#))
        #expect(reading.level(of: "m", now: Self.now) == expected)
    }

    @Test(arguments: ["", "[]", "null", "{}", #"{"accounts":{}}"#, #"{"accounts":[1,"x",null]"#])
    func `what is no such report is refused`(body: String) {
        #expect(parse(body) == nil)
    }

    @Test func `accounts of odd shapes are passed over`() throws {
        let reading = try #require(
            parse(#"{"accounts":[1,null,"x",{"models":[]},{"models":{"m":3}},{"models":{"m":{"remainingFraction":"0.5"}}}]}"#))
        #expect(reading.level(of: "m", now: Self.now) == .unknown)
    }

    @Test func `a reading that was not renewed says nothing any more`() throws {
        let reading = try #require(parse(#"{"accounts":[{"models":{"m":{"remainingFraction":0}}}]}"#))
        #expect(reading.level(of: "m", now: Self.now + 60_001) == .unknown)
    }

    @Test func `no model ever has less than the least share`() {
        var random = SplitMix64(state: 7)
        func share() -> QuotaReading.AccountQuota {
            var share = QuotaReading.AccountQuota(account: "a")
            if random.next() % 3 > 0 { share.fraction = Double(random.next() % 101) / 100 }
            if random.next() % 4 == 0 { share.emptyUntil = Self.now + Int(random.next() % 100) }
            return share
        }
        for _ in 0..<500 {
            var reading = QuotaReading(takenAt: Self.now, goodUntil: Self.now + 80)
            for model in 0..<3 {
                let accounts = (0..<Int(random.next() % 3)).map { _ in share() }
                reading.models["m\(model)"] = QuotaReading.Model(accounts: accounts)
            }
            var least = 1.0
            for now in stride(from: Self.now, through: Self.now + 100, by: 10) {
                for model in ["m0", "m1", "m2", "m3"] { least = min(least, reading.level(of: model, now: now).rank) }
            }
            #expect(reading.leastLevel <= least, "\(reading)")
        }
    }
}
