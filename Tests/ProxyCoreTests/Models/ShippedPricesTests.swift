import Dialects
import Foundation
import Testing

@testable import ProxyCore

private let dollar = 1_000_000_000

@Suite struct ShippedPricesTests {
    @Test func whatIsShippedIsReadWhole() throws {
        let (vendors, problems) = ShippedPrices.decode(ShippedPrices.source)
        #expect(problems.isEmpty, "\(problems)")
        #expect(vendors.count >= 10)
        for (name, file) in vendors {
            #expect(file.vendor.page.hasPrefix("https://") && file.vendor.date.hasPrefix("2026-"), "\(name)")
            #expect(file.vendor.reportsCost || !file.vendor.models.isEmpty, "\(name)")
        }
    }

    @Test func whatIsCompiledInIsTheFile() throws {
        let url = ConfigurationFixture.root.appendingPathComponent("etc/prices.yaml")
        let (file, _) = ShippedPrices.decode(try String(contentsOf: url, encoding: .utf8))
        let (compiled, _) = ShippedPrices.decode(ShippedPrices.source)
        #expect(file.map(\.name) == compiled.map(\.name))
        #expect(file.map { $0.value.vendor.models.map(\.price) } == compiled.map { $0.value.vendor.models.map(\.price) })
    }

    @Test(
        arguments: [
            ("claude-opus-4", "claude-opus-4", true), ("claude-opus-4", "claude-opus-4-20250514", true),
            ("claude-opus-4", "claude-opus-4-5", false), ("claude-opus-4-5", "claude-opus-4-5-20251101", true),
            ("gpt-5", "gpt-5-2025-08-07", true), ("gpt-5", "gpt-5-mini", false), ("gpt-5", "gpt-5.1", false),
            ("mistral-large", "mistral-large-latest", true), ("mistral-large", "mistral-large-2512", true),
            ("gemini-3-pro", "gemini-3-pro-preview", true), ("gemini-2.5-flash", "gemini-2.5-flash-preview-09-2025", true),
            ("gpt-5", "gpt-5-", false), ("gpt-5", "gpt-50", false), ("grok-4-fast-*", "grok-4-fast-reasoning", true),
        ])
    func datedNamesAreTheModel(_ name: String, _ model: String, _ expected: Bool) {
        #expect(PricedName(name).fits(model) == expected)
    }

    private func list(_ prices: [String: Price] = [:], _ unknown: UnknownPrice = .warn) -> PriceList {
        var upstreams = ["anthropic", "openrouter", nil].map { preset -> Upstream in
            var upstream = Upstream(
                name: preset ?? "own", url: UpstreamURL(isTLS: false, host: "localhost", port: 1, basePath: ""), dialect: .openai)
            upstream.preset = preset
            return upstream
        }
        upstreams.append(upstreams[2])
        return PriceList(prices, unknown: unknown, upstreams: upstreams)
    }

    @Test func theFileWinsThenThePresetsList() {
        var own = Price()
        own.input = 7 * dollar
        #expect(list().price(of: "claude-opus-4-6", at: 0)?.input == 5 * dollar)
        #expect(list(["claude-opus-4-6": own]).price(of: "claude-opus-4-6", at: 0)?.input == 7 * dollar)
        #expect(list(["claude-*": own]).price(of: "claude-opus-4-6", at: 2)?.input == 7 * dollar)
        #expect(list().price(of: "claude-opus-4-6", at: 2) == nil)
        #expect(list([:], .nothing).price(of: "of-nobody", at: 2)?.cost(of: TokenUsage(output: 1_000)) == 0)
        #expect(list().isReported(at: 1) && !list().isReported(at: 0))
    }

    @Test func whatTheUpstreamReportsCounts() {
        var usage = TokenUsage(output: 1_000_000)
        usage.reportedCost = 42
        #expect(list().knownCost(model: "claude-opus-4-6", at: 0, usage: usage) == 42)
        #expect(list().knownCost(model: "of-nobody", at: 1, usage: usage) == 42)
    }

    @Test func reasoningMayHaveItsOwnPrice() {
        var price = Price()
        price.output = 2 * dollar
        price.reasoning = 3 * dollar
        #expect(price.cost(of: TokenUsage(output: 1_000_000, reasoning: 400_000)) == 2_400_000_000)
    }
}
