import Dialects
import Foundation
import Testing

@testable import ProxyCore

private let dollar = 1_000_000_000

/// A vendor's entry of `etc/prices.yaml`.
private struct VendorEntry: Sendable {
    var also: [String]
    var page: String
    var date: String
    var reportsCost: Bool
    var models: [ModelEntry]
}

private struct ModelEntry: Sendable, Hashable {
    var name: String
    var price: Price
    var context: Int?
    var maxOutput: Int?
}

private enum VendorKeys {
    static let also = Schema.Key("also", .list(.text("a preset")), .value("[]"), "Further presets of the same prices.")
    static let page = Schema.Key("page", .text("an address"), .required, "The vendor's page.")
    static let date = Schema.Key("date", .text("a date"), .required, "When it was so.")
    static let reports = Schema.Key("reports", .boolean, .value("false"), "Whether answers tell what they cost.")
    static let models = Schema.Key("models", .entries(ModelKeys.kind, naming: "model"), .none("none"), "The models.")

    static let kind: Schema.Kind<VendorEntry> = .mapping(Schema.Mapping(also, page, date, reports, models)) { section in
        let models = (section[models] ?? []).map { name, value in
            ModelEntry(name: name.value, price: value.price, context: value.context, maxOutput: value.maxOutput)
        }
        return VendorEntry(
            also: section[also, or: []], page: section[page, or: ""], date: section[date, or: ""],
            reportsCost: section[reports, or: false],
            models: models.sorted { ($1.name.utf8.count, $0.name) < ($0.name.utf8.count, $1.name) })
    }
}

private enum ModelKeys {
    static let context = Schema.Key("context", .count(1...100_000_000), .none("not known"), "Tokens of a conversation.")
    static let maxOutput = Schema.Key("max_output", .count(1...100_000_000), .none("not known"), "Tokens of an answer.")

    static let kind: Schema.Kind<(price: Price, context: Int?, maxOutput: Int?)> = .mapping(
        Schema.Mapping(keys: Schema.PriceKeys.mapping.keys + [context, maxOutput])
    ) { section in
        (Schema.PriceKeys.price(section), section[context], section[maxOutput])
    }
}

@Suite struct ShippedPricesTests {
    /// The entries of `etc/prices.yaml`, and what is wrong with it.
    private func file() throws -> (entries: [(name: String, value: VendorEntry)], problems: [String]) {
        let url = ConfigurationFixture.root.appendingPathComponent("etc/prices.yaml")
        let context = LoadContext(directory: "", environment: [:], files: InputFiles())
        let kind = Schema.Kind<[(name: Located<String>, value: VendorEntry)]>.entries(VendorKeys.kind, naming: "preset")
        let node = try #require(YAMLReader.read(Array(try Data(contentsOf: url)), file: "prices.yaml").node)
        let decoded = kind.decode(node, "", context) ?? []
        return (decoded.map { ($0.name.value, $0.value) }, context.finish().map(\.message))
    }

    @Test func whatIsShippedIsReadWhole() throws {
        let (entries, problems) = try file()
        #expect(problems.isEmpty, "\(problems)")
        #expect(entries.count >= 10)
        for (name, entry) in entries {
            #expect(entry.page.hasPrefix("https://") && entry.date.hasPrefix("2026-"), "\(name)")
            #expect(entry.reportsCost || !entry.models.isEmpty, "\(name)")
        }
    }

    @Test func whatIsCompiledInIsTheFile() throws {
        let compiled = ShippedPrices.all.vendors
        let (entries, _) = try file()
        #expect(Set(entries.flatMap { [$0.name] + $0.value.also }) == Set(compiled.keys))
        for (name, entry) in entries.flatMap({ entry in ([entry.name] + entry.value.also).map { ($0, entry.value) } }) {
            let vendor = try #require(compiled[name])
            #expect(vendor.page == entry.page && vendor.date == entry.date, "\(name)")
            #expect(vendor.reportsCost == entry.reportsCost, "\(name)")
            let models = vendor.models.map {
                ModelEntry(name: $0.name.text, price: $0.price, context: $0.context, maxOutput: $0.maxOutput)
            }
            #expect(models == entry.models, "\(name)")
        }
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
