import Foundation
import Testing

@testable import ProxyCore

/// One file of `Goldens` is a configuration, a line of dashes, and what is said of it. With PROXYD_RECORD=1 the second half
/// is written anew, and the run fails, so that nobody records by accident.
@Suite struct DiagnosticGoldenTests {
    private static let separator = "----------\n"

    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Goldens")

    static let names: [String] = {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return files.filter { $0.hasSuffix(".golden") }.sorted()
    }()

    @Test func thereAreGoldens() {
        #expect(Self.names.count >= 10)
    }

    @Test(arguments: names)
    func diagnosticsAreAsRecorded(_ name: String) throws {
        let url = Self.folder.appendingPathComponent(name)
        let text = try String(contentsOf: url, encoding: .utf8)
        let end = try #require(text.range(of: Self.separator), "\(name) has no line of dashes")
        let yaml = String(text[..<end.lowerBound])
        let result = ConfigurationFixture.load(yaml, environment: ["SET": "value"])
        let shown = DiagnosticRenderer.text(result.diagnostics) + (result.snapshot == nil ? "" : "valid\n")
        guard ProcessInfo.processInfo.environment["PROXYD_RECORD"] == nil else {
            try (yaml + Self.separator + shown).write(to: url, atomically: true, encoding: .utf8)
            Issue.record("\(name) was recorded")
            return
        }
        #expect(shown == text[end.upperBound...], "\(name)")
    }
}
