import Foundation
import Testing

@testable import ProxyCore

/// Whatever the text, loading it ends, does not trap, and says why when it makes nothing of it.
@Suite struct ConfigurationRobustnessTests {
    /// A generator whose numbers follow from its seed alone.
    private struct Rng: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            var value = state
            value ^= value >> 33
            value = value &* 0xFF51_AFD7_ED55_8CCD
            return value ^ value >> 33
        }
    }

    private static let text =
        EmbeddedDefaults.example + """

            timeouts: {head: 30s, idle: 1.5m}
            limits: {body: 32MiB}
            policies: {team: &t {models: ["claude-*"], tokens_per_day: 20M, budget_per_month: 200 USD, allow_from: [10.0.0.0/8, ::1]}, other: *t}
            prices: {m: {input: 15, output: 0.075}}
            x-more: &more {weight: 2}
            """

    private func check(_ bytes: [UInt8], _ what: String) throws {
        try ConfigurationFixture.withFolder { folder in
            let path = folder.path + "/proxy.yaml"
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            let result = ConfigurationLoader.load(path: path, environment: [:])
            #expect((result.snapshot == nil) == !result.errors.isEmpty, "\(what)")
            _ = DiagnosticRenderer.text(result.diagnostics)
            for diagnostic in result.diagnostics {
                #expect(
                    diagnostic.location.line >= 1 && diagnostic.location.column >= 1 && diagnostic.length >= 1,
                    "\(what): \(diagnostic)")
            }
        }
    }

    @Test func everyPrefixIsReadOrRefused() throws {
        let bytes = Array(Self.text.utf8)
        for count in stride(from: Int.random(in: 0..<26), to: bytes.count, by: 26) {
            try check(Array(bytes.prefix(count)), "prefix \(count)")
        }
    }

    @Test func mutatedTextsAreReadOrRefused() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var rng = Rng(state: seed)
        let pieces = [
            "\t", "\n", ":", "- ", "{", "}", "[", "]", "&a ", "*a", "<<: ", "${", "}", "'", "\"", "|", ">", "é", "\u{85}", "\0",
            "#", "%", "::1", "99999999999999999999",
        ]
        for round in 0..<150 {
            var bytes = Array(Self.text.utf8)
            for _ in 0..<Int.random(in: 1...6, using: &rng) {
                let place = Int.random(in: 0...bytes.count, using: &rng)
                let end = min(bytes.count, place + Int.random(in: 0...4, using: &rng))
                let piece =
                    Bool.random(using: &rng)
                    ? Array((pieces.randomElement(using: &rng) ?? "").utf8) : [UInt8.random(in: 0...255, using: &rng)]
                bytes.replaceSubrange(place..<end, with: piece)
            }
            try check(bytes, "seed \(seed), round \(round)")
        }
    }
}
