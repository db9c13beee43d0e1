import Dialects
import Foundation
import Testing

@testable import ProxyCore

/// A file of lines: whole ones, once each, in the file that has the name.
struct LineFileTests {
    private static func event(_ id: String) -> RequestEvent {
        var record = UsageRecord(
            requestID: id, keyID: "k1", time: 1_700_000_000, model: "m",
            labels: UsageLabels(upstream: "u", account: "a", rule: "r"), usage: TokenUsage(), provenance: .unknown,
            key: KeyLabels(policy: "p", tags: ["team": "a"]))
        record.question.model = "asked\n\"x\""
        return RequestEvent(record: record, keyName: "alice")
    }

    private func withFolder(_ body: (URL) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try await body(folder)
    }

    private func ids(_ file: URL) throws -> [String] {
        try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map {
            try #require(try JSONValue(parsing: String($0))["id"]?.string)
        }
    }

    @Test func `events are appended, a line each, and a file that was moved away is left`() async throws {
        try await withFolder { folder in
            let path = folder.appendingPathComponent("events")
            let file = LineFile(path: path.path) { RequestEvent.lines($0, zone: .utc) }
            #expect(try await file.deliver([Self.event("1"), Self.event("2")]) == 0)
            #expect(try ids(path) == ["1", "2"])
            let mode = try FileManager.default.attributesOfItem(atPath: path.path)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            let moved = folder.appendingPathComponent("moved")
            try FileManager.default.moveItem(at: path, to: moved)
            #expect(try await file.deliver([Self.event("3")]) == 0)
            #expect(try ids(moved) == ["1", "2", "3"])
            file.reopen()
            #expect(try await file.deliver([Self.event("4")]) == 0)
            #expect(try ids(path) == ["4"])
        }
    }

    @Test func `a file that cannot be opened is a failure that may pass`() async throws {
        try await withFolder { folder in
            let file = LineFile(path: folder.appendingPathComponent("none/events").path) { RequestEvent.lines($0, zone: .utc) }
            do throws(OutboxFailure) {
                _ = try await file.deliver([Self.event("1")])
                Issue.record("it should have failed")
            } catch {
                #expect(error.isPassing)
            }
            try FileManager.default.createDirectory(
                at: folder.appendingPathComponent("none"), withIntermediateDirectories: true)
            #expect(try await file.deliver([Self.event("1")]) == 0)
        }
    }

    @Test func `a line has the row's members, under the key's name`() throws {
        let line = try JSONValue(parsing: String(decoding: RequestEvent.lines([Self.event("1")], zone: .utc), as: UTF8.self))
        #expect(line["key"]?.string == "alice")
        #expect(line["key_id"]?.string == "k1")
        #expect(line["time"]?.string == "2023-11-14T22:13:20+00:00")
        #expect(line["model_asked"]?.string == "asked\n\"x\"")
    }
}
