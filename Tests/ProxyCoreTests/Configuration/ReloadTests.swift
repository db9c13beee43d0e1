import Foundation
import Logging
import Synchronization
import Testing

@testable import ProxyCore

@Suite struct ReloadTests {
    /// A file on disk and the reloader that reads it.
    private struct Bench {
        let folder: URL
        let path: String
        let reloader: ConfigurationReloader

        init() throws {
            folder = try ConfigurationFixture.makeFolder()
            path = folder.path + "/proxy.yaml"
            try ConfigurationFixture.file().write(toFile: path, atomically: true, encoding: .utf8)
            let first = ConfigurationLoader.load(path: path, environment: [:])
            let snapshot = try #require(first.snapshot)
            reloader = ConfigurationReloader(
                path: path, environment: [:], snapshot: snapshot, first: first, rereadDelay: .milliseconds(5),
                logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        }

        func write(_ text: String) throws { try text.write(toFile: path, atomically: true, encoding: .utf8) }

        func end() { try? FileManager.default.removeItem(at: folder) }
    }

    @Test func anEditIsAppliedOnceAndToldInOneLine() async throws {
        let bench = try Bench()
        defer { bench.end() }
        try bench.write(ConfigurationFixture.file("log: {level: debug}"))
        guard case .applied(let snapshot, let summary, _) = await bench.reloader.reload(trigger: .signal) else {
            Issue.record("not applied")
            return
        }
        #expect(snapshot.generation == 2)
        #expect(summary == "log: changed")
        #expect(bench.reloader.store.current.generation == 2)
        #expect(bench.reloader.status.current.generation == 2)
        #expect(bench.reloader.status.current.hash == snapshot.hash)
        guard case .unchanged = await bench.reloader.reload(trigger: .admin) else {
            Issue.record("applied twice")
            return
        }
        #expect(bench.reloader.store.current.generation == 2)
    }

    @Test(arguments: ["", "rules: [", "upstreams: {}", "surprise: 1\n"])
    func aBadEditKeepsWhatRunsAndIsRemembered(_ text: String) async throws {
        let bench = try Bench()
        defer { bench.end() }
        try bench.write(text)
        guard case .failed(let errors) = await bench.reloader.reload(trigger: .file) else {
            Issue.record("not refused")
            return
        }
        #expect(!errors.isEmpty)
        #expect(bench.reloader.store.current.generation == 1)
        #expect(bench.reloader.status.current.lastErrors == errors)
        #expect(bench.reloader.status.current.lastError?.contains("proxy.yaml:") == true)
        try bench.write(ConfigurationFixture.file("timezone: Asia/Singapore"))
        _ = await bench.reloader.reload(trigger: .file)
        #expect(bench.reloader.status.current.lastError == nil)
        #expect(bench.reloader.store.current.generation == 2)
    }

    @Test func goingBackToWhatRunsClearsTheError() async throws {
        let bench = try Bench()
        defer { bench.end() }
        try bench.write("rules: [")
        _ = await bench.reloader.reload(trigger: .admin)
        #expect(bench.reloader.status.current.lastError != nil)
        try bench.write(ConfigurationFixture.file())
        _ = await bench.reloader.reload(trigger: .admin)
        #expect(bench.reloader.status.current.lastError == nil)
        #expect(bench.reloader.status.current.lastAttempt != nil)
        #expect(bench.reloader.store.current.generation == 1)
    }

    @Test func aRefusalDoesNotTakeBackWhenTheFilesWereLastGood() async throws {
        let bench = try Bench()
        defer { bench.end() }
        let loaded = bench.reloader.status.current.lastSuccess
        _ = await bench.reloader.reload(trigger: .admin)
        let unchanged = bench.reloader.status.current.lastSuccess
        #expect(unchanged > loaded)
        try bench.write("rules: [")
        _ = await bench.reloader.reload(trigger: .admin)
        #expect(bench.reloader.status.current.lastSuccess == unchanged)
        try bench.write(ConfigurationFixture.file("timezone: Asia/Singapore"))
        _ = await bench.reloader.reload(trigger: .admin)
        #expect(bench.reloader.status.current.lastSuccess > unchanged)
    }

    @Test func aHookThatRefusesKeepsWhatRunsAndUndoesTheOthers() async throws {
        let bench = try Bench()
        defer { bench.end() }
        let told = Mutex<[String]>([])
        await bench.reloader.add(
            ReloadHook(
                name: "first",
                prepare: { old, new in told.withLock { $0.append("prepare \(old.generation) \(new.generation)") } },
                rollback: { told.withLock { $0.append("rollback") } }, commit: { _, _ in told.withLock { $0.append("commit") } }))
        let refuses = Mutex(true)
        await bench.reloader.add(
            ReloadHook(
                name: "second",
                prepare: { _, _ throws(ReloadRefusal) in
                    if refuses.withLock({ $0 }) { throw ReloadRefusal(key: "listen", message: "127.0.0.1:1 is taken") }
                }))
        try bench.write(ConfigurationFixture.file("\nlisten: 127.0.0.1:1"))
        guard case .failed(let errors) = await bench.reloader.reload(trigger: .file) else {
            Issue.record("not refused")
            return
        }
        #expect(errors.map(\.location.line) == [2])
        #expect(errors.map(\.message) == ["127.0.0.1:1 is taken"])
        #expect(told.withLock { $0 } == ["prepare 1 2", "rollback"])
        #expect(bench.reloader.store.current.generation == 1)
        refuses.withLock { $0 = false }
        _ = await bench.reloader.reload(trigger: .admin)
        #expect(told.withLock { $0 } == ["prepare 1 2", "rollback", "prepare 1 2", "commit"])
        #expect(bench.reloader.store.current.generation == 2)
    }

    @Test(
        "What refuses is told at its place, or at that of what it stands in",
        arguments: [
            ("listen[1]", "listen: [127.0.0.1:1, 127.0.0.1:2]", "listen[1]", 1, 23),
            ("listen[0]", "listen: 127.0.0.1:1", "listen", 1, 1),
            ("log.file", "log: {level: info, file: /proc/x.log}", "log.file", 1, 26),
            ("admin.listen", "state: ./state\nadmin: {key: abcdefgh-1, listen: 127.0.0.1:2}", "admin.listen", 2, 34),
            ("cluster.node", "log: {level: info}", "cluster.node", 1, 1),
        ])
    func refusalsHaveAPlace(key: String, text: String, path: String, line: Int, column: Int) async throws {
        let bench = try Bench()
        defer { bench.end() }
        await bench.reloader.add(
            ReloadHook(name: "one", prepare: { _, _ throws(ReloadRefusal) in throw ReloadRefusal(key: key, message: "no") }))
        try bench.write(ConfigurationFixture.file(text))
        guard case .failed(let errors) = await bench.reloader.reload(trigger: .file) else {
            Issue.record("not refused")
            return
        }
        #expect(errors.map(\.path) == [path])
        #expect(errors.map { [$0.location.line, $0.location.column] } == [[line, column]])
    }

    @Test func whoAsksBeforeTheStartIsAnsweredAfterIt() async throws {
        let bench = try Bench()
        defer { bench.end() }
        await bench.reloader.holdUntilStart()
        try bench.write(ConfigurationFixture.file("log: {level: debug}"))
        let asked = Task { await bench.reloader.reload(trigger: .admin) }
        for _ in 0..<50 {
            await Task.yield()
            #expect(bench.reloader.store.current.generation == 1)
        }
        // What hangs on every reload is there for the first of them.
        let told = Mutex(0)
        await bench.reloader.add(ReloadHook(name: "late", commit: { _, _ in told.withLock { $0 += 1 } }))
        await bench.reloader.start()
        guard case .applied = await asked.value else {
            Issue.record("not applied")
            return
        }
        #expect(told.withLock { $0 } == 1)
        try bench.write(ConfigurationFixture.file("log: {level: warning}"))
        guard case .applied = await bench.reloader.reload(trigger: .admin) else {
            Issue.record("not applied")
            return
        }
    }

    @Test func reloadsFollowOneAnother() async throws {
        let bench = try Bench()
        defer { bench.end() }
        let running = Mutex((now: 0, most: 0))
        await bench.reloader.add(
            ReloadHook(
                name: "counter",
                prepare: { _, _ in
                    running.withLock {
                        $0.now += 1
                        $0.most = max($0.most, $0.now)
                    }
                    await Task.yield()
                    running.withLock { $0.now -= 1 }
                }))
        await withTaskGroup(of: Void.self) { group in
            for index in 0..<20 {
                group.addTask {
                    try? bench.write(ConfigurationFixture.file("log: {level: \(index % 2 == 0 ? "debug" : "warning")}"))
                    _ = await bench.reloader.reload(trigger: .admin)
                }
            }
        }
        #expect(running.withLock { $0.most } == 1)
        #expect(bench.reloader.store.current.generation >= 2)
    }

    @Test(arguments: [
        ("listen: 127.0.0.1:1", "listen: 127.0.0.1:8180 → 127.0.0.1:1"),
        ("keys: [{name: ci, key: sk-hidden}]", "keys: 0 → 1, +ci"),
        ("policies: {team: {models: [x]}}", "policies: 1 → 2, +team"),
        (
            "state: /tmp/proxyd-other-state\ntimezone: Asia/Singapore\nlimits: {body: 1MiB}",
            "state: ./state → /tmp/proxyd-other-state; timezone: UTC → Asia/Singapore; limits: changed"
        ),
        ("# a comment", "no setting"),
        ("admin: {key: sk-hidden}", "admin: changed"),
    ])
    func theSummaryNamesWhatChanged(_ more: String, _ expected: String) throws {
        let old = try #require(ConfigurationFixture.load(ConfigurationFixture.file()).snapshot)
        let new = try #require(ConfigurationFixture.load(ConfigurationFixture.file(more)).snapshot)
        #expect(ChangeSummary.text(from: old, to: new) == expected)
    }

    @Test func theSummaryNamesRulesAndUpstreams() throws {
        let old = try #require(ConfigurationFixture.load(ConfigurationFixture.file()).snapshot)
        let text = """
            upstreams:
              a: {url: "http://localhost:8081", dialect: anthropic}
              kimi: {url: "http://h", dialect: openai, key: sk-hidden}
            rules:
              - {name: new, models: [x], tiers: [kimi]}
              - {name: all, tiers: [a, kimi]}
            """
        let new = try #require(ConfigurationFixture.load(text).snapshot)
        #expect(ChangeSummary.text(from: old, to: new) == "upstreams: 1 → 2, +kimi, ~a; rules: 1 → 2, +new, ~all")
    }
}
