import Foundation
import Testing

@testable import ProxyCore

/// The public YAML test suite. libyaml is older than YAML 1.2's last details, so this is a ratchet, not a law: no case may
/// crash or hang, and the reader may not become more lenient than it is.
@Suite struct YAMLSuiteTests {
    struct Case {
        var id: String
        var yaml: String
        var fails: Bool
    }

    /// Cases that must be refused and that libyaml takes: flow collections at the parent's indentation, text right after a
    /// closing quote, and such. None can hide a key of a configuration.
    private static let knownLenient: Set<String> = [
        "9C9N", "9JBA", "CVW2", "DK95-1", "G5U8", "MUS6-0", "QB6E", "S98Z", "SU5Z", "X4QW", "Y79Y-3", "YJV2",
    ]

    @Test func badDocumentsAreRefusedAndNoneCrashes() throws {
        guard let folder = ConfigurationFixture.shared("data/yaml/src") else {
            print("The YAML test suite is not there (PROXYD_SHARED); this test is skipped.")
            return
        }
        var cases: [Case] = []
        for file in try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() where file.hasSuffix(".yaml") {
            let text = try String(contentsOf: folder.appendingPathComponent(file), encoding: .utf8)
            cases += Self.cases(String(file.dropLast(5)), text)
        }
        #expect(cases.count > 300)
        var lenient: Set<String> = []
        var byDesign = 0
        var refused: [String] = []
        for one in cases {
            let result = YAMLReader.read(Array(one.yaml.utf8), file: one.id)
            if one.fails, result.problems.isEmpty { lenient.insert(one.id) }
            if !one.fails, let problem = result.problems.first {
                let isByDesign = ["a second document", "a key must be", "is written twice", "control char"].contains {
                    problem.message.contains($0)
                }
                if isByDesign { byDesign += 1 } else { refused.append("\(one.id): \(problem.message)") }
            }
        }
        #expect(
            lenient.subtracting(Self.knownLenient).isEmpty, "newly accepted: \(lenient.subtracting(Self.knownLenient).sorted())")
        #expect(
            Self.knownLenient.subtracting(lenient).isEmpty,
            "now refused, take them off the list: \(Self.knownLenient.subtracting(lenient).sorted())")
        #expect(refused.count <= 53, "good documents refused: \(refused)")
        print(
            "YAML suite: \(cases.count) cases, \(lenient.count) bad ones accepted, \(byDesign + refused.count) good ones refused")
    }

    /// A file of the suite is itself YAML, so the reader reads it.
    private static func cases(_ file: String, _ text: String) -> [Case] {
        guard case .sequence(let items)? = YAMLReader.read(Array(text.utf8), file: file).node?.content else { return [] }
        var yaml = ""
        var fails = false
        return items.enumerated().compactMap { index, item in
            if let entry = item.entry("yaml"), case .scalar(let scalar) = entry.value.content { yaml = unfold(scalar.text) }
            // What a later case of a file leaves out is as before.
            if let entry = item.entry("fail"), case .scalar(let scalar) = entry.value.content {
                fails = scalar.text == "true"
            } else if item.entry("yaml") != nil {
                fails = false
            }
            return Case(id: items.count > 1 ? "\(file)-\(index)" : file, yaml: yaml, fails: fails)
        }
    }

    /// The suite writes what cannot be seen with other characters.
    private static func unfold(_ text: String) -> String {
        var result = text.replacingOccurrences(of: "␣", with: " ").replacingOccurrences(of: "↵", with: "")
        result = result.replacingOccurrences(of: "←", with: "\r").replacingOccurrences(of: "⇔", with: "\u{FEFF}")
        result = result.replacingOccurrences(of: "»", with: "\t").replacingOccurrences(of: "—", with: "")
        if let end = result.range(of: "∎") { result = String(result[..<end.lowerBound]) }
        return result
    }
}
