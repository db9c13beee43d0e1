import Foundation
import Logging
import Testing

@testable import ProxyCore

@Suite struct ConfigurationHistoryTests {
    private static let text = """
        # before: key: sk-in-a-comment-0123456789
        upstreams:
          a: {url: "http://localhost:8080", dialect: anthropic, key: "sk-the-upstreams-0123456789"} # was: sk-formerly-0123456789
        rules:
          - {name: all, tiers: [a]}
        keys:
          - name: ci
            key: >-
              sk-folded-0123456789
        admin: {key: sk-admin-0123456789abcdef}

        """
    private static let secrets = ["sk-in-a-comment", "sk-the-upstreams", "sk-folded", "sk-admin", "sk-formerly"]
    private static let key = String(repeating: "ab", count: 32)

    private static func read(_ text: String = text) -> ReadText {
        ReadText(path: "proxy.yaml", text: text, nodes: nodes(of: text))
    }

    private static func nodes(of text: String) -> [YAMLNode] {
        let context = LoadContext(directory: "", environment: [:], files: InputFiles())
        var files = ConfigurationFiles(context)
        guard let root = files.read(bytes: Array(text.utf8), file: "proxy.yaml"),
            let section = Schema.Section(PresetExpansion(context: context).expand(root), "", Schema.Root.mapping, context)
        else { return [] }
        _ = DecodedFile(section)
        return context.secretNodes
    }

    @Test func noSecretIsKeptInClear() throws {
        for seal in [nil, Self.key] {
            let kept = Self.read().kept(salt: "salt", sealKey: seal, isWhole: true)
            let event = ReloadEvent(at: Date(), generation: 1, hash: "x")
            let version = ConfigurationVersion(number: 1, event: event, files: [kept], salt: "salt")
            let written = String(decoding: version.json.bytes, as: UTF8.self)
            for secret in Self.secrets {
                #expect(!written.contains(secret))
                #expect(!kept.masked.contains(secret))
            }
            #expect(kept.masked.contains("name: all"))
            #expect(version.missingSecrets.isEmpty == (seal != nil))
            #expect(ConfigurationVersion(version.json)?.files == version.files)
        }
    }

    @Test func whatWasKeptComesBackToTheByte() throws {
        let read = Self.read()
        let event = ReloadEvent(at: Date(), generation: 1, hash: "x")
        let digests = ConfigurationVersion(
            number: 1, event: event, files: [read.kept(salt: "s", sealKey: nil, isWhole: true)], salt: "s")
        let filled = try digests.texts(environment: [:], secrets: read.writtenSecrets)
        #expect(filled.map(\.text) == [Self.text])
        #expect(throws: RollbackFailure.self) { _ = try digests.texts(environment: [:], secrets: []) }
        let sealed = ConfigurationVersion(
            number: 1, event: event, files: [read.kept(salt: "s", sealKey: Self.key, isWhole: true)], salt: "s")
        let opened = try sealed.texts(environment: [Seal.keyVariable: Self.key], secrets: [])
        #expect(opened.map(\.text) == [Self.text])
        #expect(throws: RollbackFailure.self) { _ = try sealed.texts(environment: [:], secrets: []) }
    }

    @Test func fiftyAreKeptAndReadAgain() async throws {
        let folder = try ConfigurationFixture.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let history = ConfigurationHistory(state: folder.path, environment: [:], logger: logger)
        for index in 0..<60 {
            let result = ConfigurationFixture.load(ConfigurationFixture.file("# \(index)"))
            var event = ReloadEvent(try #require(result.snapshot), at: Date(), trigger: .file)
            if index % 7 == 0 { event.state = .refused }
            #expect(await history.add(event, result) == index + 1)
        }
        await history.note(60, .takenBack, why: "it was bad")
        let again = ConfigurationHistory(state: folder.path, environment: [:], logger: logger)
        let all = await again.all
        // Those that were refused go first.
        #expect(all.map(\.number) == (3...60).filter { $0 % 7 != 1 })
        #expect(all.last?.event.state == .takenBack)
        #expect(all.last?.event.why == "it was bad")
        #expect(ConfigurationHistory.versions(in: folder.path).count == 50)
    }

    /// What is damaged is told by its name, and nothing is written over it.
    @Test func whatCannotBeReadIsTold() async throws {
        let folder = try ConfigurationFixture.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let log = LogLines()
        let result = ConfigurationFixture.load(ConfigurationFixture.file("# one"))
        let event = ReloadEvent(try #require(result.snapshot), at: Date(), trigger: .file)
        let history = ConfigurationHistory(state: folder.path, environment: [:], logger: log.logger)
        for number in 1...3 {
            #expect(await history.add(event, result) == number)
        }
        #expect(log.all.isEmpty)
        let damaged = folder.appending(path: "config-history/00000003.json")
        try Data(#"{"format":1"#.utf8).write(to: damaged)
        let again = ConfigurationHistory(state: folder.path, environment: [:], logger: log.logger)
        #expect(log.all.count { $0.contains("cannot be read") && $0.contains("00000003.json") } == 1)
        #expect(await again.all.map(\.number) == [1, 2])
        #expect(await again.add(event, result) == 4)
        #expect(try Data(contentsOf: damaged).count == 11)
    }

    @Test func aTextThatIsRefusedAgainIsOneVersion() async throws {
        let folder = try ConfigurationFixture.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let history = ConfigurationHistory(state: folder.path, environment: [:], logger: logger)
        let path = folder.appending(path: "proxy.yaml").path
        func saved(_ more: String) throws -> LoadResult {
            try ConfigurationFixture.file(more).write(toFile: path, atomically: true, encoding: .utf8)
            return ConfigurationLoader.load(path: path, environment: [:])
        }
        let result = try saved("# good")
        let event = ReloadEvent(try #require(result.snapshot), at: Date(), trigger: .file)
        #expect(await history.add(event, result) == 1)
        for index in 0..<54 {
            let bad = try saved("surprise\(index): 1")
            var refused = event
            refused.state = .refused
            for _ in 0..<2 { #expect(await history.add(refused, bad) == 2 + index) }
        }
        let all = await history.all
        #expect(all.count == 50)
        #expect(all.first?.number == 1)
        #expect(all.last?.number == 55)
        #expect(await history.ran(result.hash))
        #expect(ConfigurationHistory.versions(in: folder.path).map(\.number) == all.map(\.number))
    }
}
