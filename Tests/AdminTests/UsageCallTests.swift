import ProxyCore
import Testing

@Suite struct UsageCallTests {
    @Test(
        "Usage as the predecessor's scripts read it",
        arguments: [
            (
                "/admin/usage",
                #"{"total_input_tokens":127,"total_output_tokens":35,"total_requests":3,"total_keys":2,"active_keys":2}"#
            ),
            (
                "/admin/usage/daily",
                """
                {"days":[{"date":"2026-02-11","total_input":127,"total_output":35,"total_requests":3,\
                "by_model":{"claude-opus-4-6-thinking":{"total":150,"requests":2},"gemini-3-pro-high":{"total":12,"requests":1}},\
                "keys":[{"name":"alice","input":127,"output":35,"requests":3}]}]}
                """
            ),
            ("/admin/usage/daily?date=2026-02-10", #"{"days":[]}"#),
            (
                "/admin/usage/hourly?date=2026-02-11",
                #"{"hours":[{"hour":"2026-02-11 14:00","by_model":{"claude-opus-4-6-thinking":{"total":150,"requests":2}}}]}"#
            ),
            ("/admin/usage/hourly?date=2026-02-12", #"{"hours":[]}"#),
        ])
    func golden(target: String, expected: String) async {
        let response = await AdminFixture().admin("GET", target)
        #expect(response.status == 200)
        #expect(response.text == expected)
    }

    @Test("What is no day", arguments: ["yesterday", "2026-2-1", "2026-13-01", "2026-02-00", "2026-02-11T00", "%"])
    func badDates(_ date: String) async {
        let response = await AdminFixture().admin("GET", "/admin/usage/daily?date=\(date)")
        // An item that cannot be decoded is left out, which is every day.
        #expect(response.status == (date == "%" ? 200 : 400))
    }

    @Test("A key that is disabled or expired is not active")
    func activeKeys() async {
        var fixture = AdminFixture()
        let alice = FakeKeys.alice
        fixture.keys = FakeKeys([
            alice, alice.with(enabled: false), alice.with(expires: AdminFixture.now), alice.with(expires: AdminFixture.now + 1),
        ])
        let usage = await fixture.admin("GET", "/admin/usage").json
        #expect(usage?["total_keys"]?.int == 4)
        #expect(usage?["active_keys"]?.int == 2)
    }

    @Test("A ledger that cannot be read is an error of ours, without its details")
    func failure() async {
        var fixture = AdminFixture()
        fixture.usage.failure = LedgerFailure.system(call: "open /secret/path", errno: 5)
        let response = await fixture.admin("GET", "/admin/usage")
        #expect(response.status == 500)
        #expect(!response.text.contains("secret"))
    }
}
