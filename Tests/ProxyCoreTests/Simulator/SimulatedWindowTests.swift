import Testing

@testable import Simulator

@Suite("Simulated windows")
struct SimulatedWindowTests {
    /// A Friday, 16:00 UTC.
    private static let now = 1_795_190_400.0

    private static func window(_ text: String) throws -> SimulatedWindow { try #require(SimulatedWindow(text: text)) }

    private static func provider(
        _ windows: [String], headers: LimitHeaderFamily? = nil, accounts: [String] = ["a", "b"], balance: Double? = nil
    ) throws -> Provider {
        var options = SimulatorOptions()
        options.accounts = accounts.map { .init(name: $0, key: "key-\($0)") }
        options.models = ["m"]
        options.windows = try windows.map(window)
        options.headers = headers
        options.balance = balance
        return Provider(options: options)
    }

    private static func ask(
        _ provider: Provider, _ account: String = "a", model: String = "m", path: String = "/v1/messages", after: Double = 0
    ) -> SimulatedResponse {
        let body = #"{"model":"\#(model)","input":"one two","messages":[{"role":"user","content":"one two"}],"max_tokens":3}"#
        return provider.answer(
            .init(method: "POST", path: path, key: "key-\(account)", body: Array(body.utf8)), now: now + after)
    }

    private static func drill(_ provider: Provider, _ path: String, _ body: String) -> Int {
        provider.answer(.init(method: "POST", path: "/simulate/" + path, body: Array(body.utf8)), now: now).status
    }

    private static func told(_ response: SimulatedResponse) -> [String: String] {
        Dictionary(response.headers.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
    }

    @Test(
        "a window is written KIND=LIMIT/PERIOD",
        arguments: [
            ("5h=200", "5h", 200, 18_000), ("requests=50/1m", "requests", 50, 60), ("tokens=40k/30s", "tokens", 40_000, 30),
            ("7d_opus=1.5k", "7d_opus", 1500, 604_800), ("input_tokens=2M/m", "input_tokens", 2_000_000, 60),
            ("primary=10", "primary", 10, 18_000), ("burst=3/2s", "burst", 3, 2),
        ])
    func written(_ text: String, _ kind: String, _ limit: Double, _ period: Double) throws {
        let window = try Self.window(text)
        #expect(window.kind == kind)
        #expect(window.limit == limit)
        #expect(window.period == period)
    }

    @Test(
        "what is no window is none",
        arguments: [
            "", "5h", "5h=", "5h=x", "5h=1/", "5h=1/2w", "hours=3", "=3", "5h=0", "5h=-1", "5h=1e99k", "requests=1/0s", "5h=1x",
        ])
    func noWindow(_ text: String) {
        #expect(SimulatedWindow(text: text) == nil)
    }

    @Test("a window begins with its first use, and is full again when it is over")
    func life() throws {
        var window = try Self.window("5h=4")
        #expect(window.reset(Self.now) == Self.now + 18_000)
        window.set(remaining: 1, resetsIn: nil, now: Self.now)
        #expect(window.remaining(Self.now + 17_999) == 1)
        #expect(window.utilization(Self.now) == 0.75)
        #expect(window.reset(Self.now + 100) == Self.now + 18_000)
        window.set(remaining: 0, resetsIn: nil, now: Self.now + 50)
        #expect(window.reset(Self.now + 100) == Self.now + 18_000)
        #expect(window.isUsedUp(Self.now + 17_999))
        #expect(window.remaining(Self.now + 18_000) == 4)
        #expect(window.reset(Self.now + 18_000) == Self.now + 36_000)
        window.set(remaining: 99, resetsIn: 5, now: Self.now)
        #expect(window.remaining(Self.now) == 4)
        #expect(window.reset(Self.now) == Self.now + 5)
    }

    @Test("headers tell of a window as each vendor does")
    func families() throws {
        let cases: [(LimitHeaderFamily, [String], String, [String: String])] = [
            (
                .anthropic, ["requests=50/1m", "input_tokens=1k/1m"], "/v1/messages",
                [
                    "anthropic-ratelimit-requests-limit": "50", "anthropic-ratelimit-requests-remaining": "49",
                    "anthropic-ratelimit-requests-reset": "2026-11-20T16:01:00Z",
                    "anthropic-ratelimit-input-tokens-remaining": "998",
                ]
            ),
            (
                .unified, ["5h=4", "7d=100"], "/v1/messages",
                [
                    "anthropic-ratelimit-unified-5h-utilization": "0.25", "anthropic-ratelimit-unified-5h-status": "allowed",
                    "anthropic-ratelimit-unified-5h-reset": "1795208400", "anthropic-ratelimit-unified-7d-utilization": "0.01",
                    "anthropic-ratelimit-unified-status": "allowed", "anthropic-ratelimit-unified-reset": "1795208400",
                    "anthropic-ratelimit-unified-representative-claim": "five_hour",
                ]
            ),
            (
                .openai, ["requests=50/6m", "tokens=1k/1s"], "/v1/chat/completions",
                [
                    "x-ratelimit-limit-requests": "50", "x-ratelimit-remaining-requests": "49",
                    "x-ratelimit-reset-requests": "6m0s", "x-ratelimit-remaining-tokens": "995",
                    "x-ratelimit-reset-tokens": "1s",
                ]
            ),
            (.azure, ["requests=50/6m"], "/v1/chat/completions", ["x-ratelimit-reset-requests": "360"]),
            (.groq, ["requests=50/90s"], "/v1/chat/completions", ["x-ratelimit-reset-requests": "1m30s"]),
            (.mistral, ["requests=50/1m"], "/v1/chat/completions", ["x-ratelimit-remaining-req-minute": "49"]),
            (
                .cerebras, ["requests=50/1d"], "/v1/chat/completions",
                ["x-ratelimit-remaining-requests-day": "49", "x-ratelimit-reset-requests-day": "86400.0"]
            ),
            (
                .openrouter, ["requests=50/1m"], "/v1/chat/completions",
                ["x-ratelimit-limit": "50", "x-ratelimit-remaining": "49", "x-ratelimit-reset": "1795190460000"]
            ),
            (
                .codex, ["primary=8", "secondary=100"], "/v1/responses",
                [
                    "x-codex-primary-used-percent": "12.50", "x-codex-primary-window-minutes": "300",
                    "x-codex-primary-reset-after-seconds": "18000", "x-codex-secondary-used-percent": "1.00",
                ]
            ),
        ]
        #expect(Set(cases.map(\.0)).union([.none]) == Set(LimitHeaderFamily.allCases))
        for (family, windows, path, wanted) in cases {
            let provider = try Self.provider(windows, headers: family)
            let silent = try Self.provider(windows, headers: LimitHeaderFamily.none)
            let told = Self.told(Self.ask(provider, path: path))
            for (name, value) in wanted { #expect(told[name] == value, "\(family): \(name)") }
            let nothing = Self.told(Self.ask(silent, path: path))
            #expect(wanted.keys.allSatisfy { nothing[$0] == nil })
        }
    }

    @Test(
        "who names no family gets the one that is usual",
        arguments: [
            ("5h=9", "/v1/messages", "anthropic-ratelimit-unified-5h-status"),
            ("requests=9", "/v1/messages", "anthropic-ratelimit-requests-remaining"),
            ("requests=9", "/v1/chat/completions", "x-ratelimit-remaining-requests"),
            ("output_tokens=900", "/v1/chat/completions", "anthropic-ratelimit-output-tokens-remaining"),
            ("primary=9", "/v1/responses", "x-codex-primary-used-percent"),
        ])
    func usual(_ window: String, _ path: String, _ header: String) throws {
        let provider = try Self.provider([window])
        #expect(Self.told(Self.ask(provider, path: path))[header] != nil)
    }

    @Test("a window that is used up refuses its models on that account, says for how long, and comes back")
    func usedUp() throws {
        let provider = try Self.provider(["5h=2", "7d=100"])
        #expect((0..<2).map { _ in Self.ask(provider).status } == [200, 200])
        let refused = Self.ask(provider, after: 600)
        #expect(refused.status == 429)
        #expect(Self.told(refused)["retry-after"] == "17400")
        #expect(Self.told(refused)["anthropic-ratelimit-unified-5h-status"] == "rejected")
        #expect(Self.told(refused)["anthropic-ratelimit-unified-7d-status"] == "allowed")
        #expect(Self.ask(provider, "b", after: 600).status == 200)
        #expect(Self.ask(provider, after: 18_000).status == 200)
    }

    @Test("a window of one model leaves the others alone, and only its own answers tell of it")
    func ofOneModel() throws {
        let provider = try Self.provider([])
        #expect(
            Self.drill(provider, "windows", #"{"account":"a","kind":"7d_opus","model":"opus*","remaining":0,"resets_in":60}"#)
                == 200)
        #expect(Self.ask(provider, model: "opus-4").status == 429)
        let other = Self.ask(provider, model: "sonnet")
        #expect(other.status == 200)
        #expect(Self.told(other)["anthropic-ratelimit-unified-7d_opus-status"] == nil)
        #expect(Self.ask(provider, model: "opus-4", after: 60).status == 200)
    }

    @Test("a burst is refused for a short time, and no header tells of it")
    func burst() throws {
        let provider = try Self.provider(["burst=2/3s", "5h=100"])
        #expect((0..<3).map { _ in Self.ask(provider).status } == [200, 200, 429])
        let refused = Self.told(Self.ask(provider, after: 1))
        #expect(refused["retry-after"] == "2")
        #expect(refused["anthropic-ratelimit-unified-5h-utilization"] == "0.02")
        #expect(!refused.keys.contains { $0.contains("burst") })
        #expect(Self.ask(provider, after: 3).status == 200)
    }

    @Test(
        "money runs out, and comes back when somebody pays",
        arguments: [("/v1/messages", 400, "credit balance"), ("/v1/chat/completions", 402, "Insufficient Balance")])
    func money(_ path: String, _ status: Int, _ words: String) throws {
        let provider = try Self.provider([], balance: 0.02)
        #expect((0..<3).map { _ in Self.ask(provider, path: path).status } == [200, 200, status])
        let message = try JSONPaths(Self.ask(provider, path: path))["error.message"] as? String
        #expect(message?.contains(words) == true)
        #expect(Self.drill(provider, "money", #"{"account":"a","usd":1}"#) == 200)
        #expect(Self.ask(provider, path: path).status == 200)
    }

    @Test(
        "as many answers are paid for as the money is enough for",
        arguments: [(0.03, 3), (0.1, 10), (0.07, 7), (0.0, 0), (0.005, 0)])
    func enough(_ balance: Double, _ answers: Int) throws {
        let provider = try Self.provider([], balance: balance)
        #expect((0...answers).map { _ in Self.ask(provider).status } == Array(repeating: 200, count: answers) + [400])
    }

    @Test("a subscription is told to be used up when it is, and full again no sooner than it is")
    func lastOfSubscription() throws {
        let provider = try Self.provider(["5h=1000"])
        #expect(Self.drill(provider, "windows", #"{"account":"a","kind":"5h","remaining":2,"resets_in":9.5}"#) == 200)
        let last = Self.told(Self.ask(provider))
        #expect(last["anthropic-ratelimit-unified-5h-utilization"] == "0.99")
        #expect(last["anthropic-ratelimit-unified-5h-reset"] == "1795190410")
        #expect(last["anthropic-ratelimit-unified-reset"] == "1795190410")
        #expect(Self.told(Self.ask(provider))["anthropic-ratelimit-unified-5h-utilization"] == "1.00")
        #expect(Self.ask(provider).status == 429)
    }

    @Test("headers that lie are sent as they are, in the place of the true ones")
    func lies() throws {
        let provider = try Self.provider(["requests=50"])
        let body = #"{"account":"a","set":{"anthropic-ratelimit-requests-remaining":"-5","x-odd":"NaN"}}"#
        #expect(Self.drill(provider, "headers", body) == 200)
        let answer = Self.ask(provider)
        #expect(answer.headers.filter { $0.name == "anthropic-ratelimit-requests-remaining" }.map(\.value) == ["-5"])
        #expect(Self.told(answer)["x-odd"] == "NaN")
        #expect(Self.told(Self.ask(provider, "b"))["x-odd"] == nil)
        #expect(Self.drill(provider, "headers", #"{"set":{}}"#) == 200)
        #expect(Self.told(Self.ask(provider))["x-odd"] == nil)
    }

    @Test("who may use any account is served by one that is not refused, and refused by the one that is back soonest")
    func anybody() throws {
        var options = SimulatorOptions()
        options.accounts = [.init(name: "a"), .init(name: "b")]
        let provider = Provider(options: options)
        #expect(Self.drill(provider, "windows", #"{"account":"a","kind":"5h","remaining":0,"resets_in":90}"#) == 200)
        #expect(Self.ask(provider).status == 200)
        #expect(Self.drill(provider, "windows", #"{"account":"b","kind":"5h","remaining":0,"resets_in":30}"#) == 200)
        #expect(Self.told(Self.ask(provider))["retry-after"] == "30")
    }

    @Test("a used-up subscription of ChatGPT names the wait in its body")
    func codex() throws {
        let provider = try Self.provider(["primary=1"])
        #expect(Self.ask(provider, path: "/v1/responses").status == 200)
        let refused = Self.ask(provider, path: "/v1/responses")
        #expect(refused.status == 429)
        #expect(try JSONPaths(refused)["error.type"] as? String == "usage_limit_reached")
        #expect(try JSONPaths(refused)["error.resets_in_seconds"] as? Int == 18_000)
    }

    @Test(
        "a drill that makes no sense is refused",
        arguments: [
            ("windows", "{}"), ("windows", #"{"kind":"fortnight"}"#), ("windows", #"{"kind":"5h","limit":0}"#),
            ("windows", #"{"kind":"5h","remaining":-1}"#), ("windows", #"{"kind":"5h","account":"zzz"}"#),
            ("windows", #"{"kind":"5h","reset":1}"#), ("headers", #"{"family":"latin"}"#), ("headers", #"{"set":7}"#),
            ("headers", #"{"set":{"a b":"c"}}"#), ("headers", #"{"set":{"a":"b\nc"}}"#), ("headers", #"{"set":{"a":1}}"#),
            ("money", "{}"), ("money", #"{"usd":-1}"#), ("nothing", "{}"),
        ])
    func badDrills(_ path: String, _ body: String) throws {
        let provider = try Self.provider([])
        #expect(Self.drill(provider, path, body) >= 400)
    }

    @Test("windows of an account are bounded, and everything is as it was after DELETE")
    func bounded() throws {
        let provider = try Self.provider(["5h=2"])
        let statuses = (0..<120).map { Self.drill(provider, "windows", #"{"kind":"tokens","model":"m\#($0)"}"#) }
        #expect(statuses.filter { $0 == 200 }.count == 99)
        #expect(provider.answer(.init(method: "DELETE", path: "/simulate"), now: Self.now).status == 200)
        let window = try Self.window("5h=2")
        #expect(provider.withState { $0.allowances["a"]?.windows } == [window])
    }
}
