import Foundation
import Testing

@testable import Dialects

/// Fixture files: `<case>.<source>.json` or `.sse`, and beside it what each target makes of it, `<case>.<source>.<target>.json`.
///
/// `PROXYD_RECORD=1` writes the files that are missing or differ, and fails the run so that nobody takes it for a passing one.
enum Golden {
    static let isRecording = ProcessInfo.processInfo.environment["PROXYD_RECORD"] == "1"

    static func folder(_ name: String) -> URL {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fixtures").appendingPathComponent(name)
    }

    /// The sources in a folder: two dots in their names, the targets' have three.
    static func sources(_ folder: String, ending: String) -> [Source] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: self.folder(folder).path)) ?? []
        return names.sorted().compactMap { name in
            let parts = name.split(separator: ".").map(String.init)
            guard parts.count == 3, parts[2] == ending, let dialect = dialect(parts[1]) else { return nil }
            return Source(folder: folder, name: parts[0], dialect: dialect, ending: ending)
        }
    }

    static func dialect(_ word: String) -> ClientDialect? {
        switch word {
        case "messages": .anthropic
        case "chat": .openai
        case "responses": .responses
        case "gemini": .gemini
        default: nil
        }
    }

    static func word(_ dialect: ClientDialect) -> String {
        switch dialect {
        case .anthropic: "messages"
        case .openai: "chat"
        case .responses: "responses"
        case .gemini: "gemini"
        }
    }

    static let dialects: [ClientDialect] = [.anthropic, .openai, .responses, .gemini]

    struct Source: Sendable, CustomTestStringConvertible {
        var folder: String
        var name: String
        var dialect: ClientDialect
        var ending: String

        var testDescription: String { "\(name).\(Golden.word(dialect)).\(ending)" }
        var url: URL { Golden.folder(folder).appendingPathComponent(testDescription) }

        func contents() throws -> [UInt8] { [UInt8](try Data(contentsOf: url)) }

        /// Compares `text` with the target's file.
        func check(_ target: ClientDialect, _ text: String) throws {
            let file = Golden.folder(folder).appendingPathComponent(
                "\(name).\(Golden.word(dialect)).\(Golden.word(target)).\(ending)")
            let known = try? String(contentsOf: file, encoding: .utf8)
            if Golden.isRecording, known != text {
                try text.write(to: file, atomically: true, encoding: .utf8)
                Issue.record("recorded \(file.lastPathComponent)")
                return
            }
            #expect(known == text, "\(file.lastPathComponent) differs")
        }
    }
}

extension JSONValue {
    /// Indented, so that a difference can be read.
    var pretty: String {
        var out = ""
        write(pretty: &out, "")
        return out + "\n"
    }

    private func write(pretty out: inout String, _ indent: String) {
        let inner = indent + "  "
        switch self {
        case .array(let items) where !items.isEmpty:
            out += "[\n"
            for (index, item) in items.enumerated() {
                out += inner
                item.write(pretty: &out, inner)
                out += index + 1 < items.count ? ",\n" : "\n"
            }
            out += indent + "]"
        case .object(let object) where !object.isEmpty:
            out += "{\n"
            for (index, member) in object.members.enumerated() {
                out += inner + JSONValue.string(member.key).text + ": "
                member.value.write(pretty: &out, inner)
                out += index + 1 < object.count ? ",\n" : "\n"
            }
            out += indent + "}"
        case .null, .bool, .number, .string, .unpaired, .array, .object: out += text
        }
    }
}
