import Foundation
import Testing

@testable import ProxyCore

@Suite struct ConfigurationIncludeTests {
    private func load(_ files: [String: String]) throws -> (LoadResult, [String]) {
        try ConfigurationFixture.withFolder { folder in
            try FileManager.default.createDirectory(atPath: folder.path + "/conf.d", withIntermediateDirectories: true)
            for (name, text) in files { try text.write(toFile: "\(folder.path)/\(name)", atomically: true, encoding: .utf8) }
            let result = ConfigurationLoader.load(path: folder.path + "/proxy.yaml", environment: [:])
            return (
                result, ConfigurationFixture.messages(result).map { $0.replacingOccurrences(of: folder.path + "/", with: "") }
            )
        }
    }

    private let main = "include: conf.d/*.yaml\n" + ConfigurationFixture.file()

    @Test func filesAreMergedInTheOrderOfTheirNames() throws {
        let (result, messages) = try load([
            "proxy.yaml": main.replacingOccurrences(of: "- name: all", with: "- name: first\n    models: [x]"),
            "conf.d/20-more.yaml": "rules: [{name: third, tiers: [b]}]\nkeys: [{name: k2, key: sk-two}]",
            "conf.d/10-more.yaml":
                "upstreams: {b: {url: \"http://h\", dialect: openai}}\nrules: [{name: second, models: [y], tiers: [b]}]\nkeys: [{name: k1, key: sk-one}]\nlog: {level: debug}",
        ])
        let snapshot = try #require(result.snapshot, "\(messages)")
        #expect(snapshot.rules.rules.map(\.name) == ["first", "second", "third"])
        #expect(snapshot.configuration.upstreams.map(\.name) == ["a", "b"])
        #expect(snapshot.configuration.keys.map(\.name) == ["k1", "k2"])
        #expect(snapshot.configuration.log.level == .debug)
        #expect(result.files.count == 3)
        #expect(result.patterns.count == 1)
    }

    @Test func whatIsWrittenTwiceNamesBothPlaces() throws {
        let (_, messages) = try load([
            "proxy.yaml": main,
            "conf.d/1.yaml": "timezone: UTC\nupstreams:\n  a: {url: \"http://h\", dialect: openai}",
            "conf.d/2.yaml": "\ntimezone: UTC\ninclude: x.yaml\nlsten: 1\nrules: [{name: all, models: [x], tiers: [a]}]",
        ])
        #expect(
            messages.filter { $0.contains("error") } == [
                "conf.d/1.yaml:3:3: error: upstreams.a: 'a' is written in two files; the first is at proxy.yaml:4:3",
                "conf.d/2.yaml:2:1: error: timezone: 'timezone' is written in two files; the first is at conf.d/1.yaml:1:1",
                "conf.d/2.yaml:3:1: error: include: an included file does not include others",
                "conf.d/2.yaml:4:1: error: unknown key 'lsten' (did you mean 'listen'?)",
                "conf.d/2.yaml:5:16: error: rules[1].name: 'all' is the name of another rule; the first is at proxy.yaml:6:11",
            ])
    }

    @Test func aGlobMayNameNothingButAPathMustNot() throws {
        #expect(try load(["proxy.yaml": main]).0.snapshot != nil)
        let (_, messages) = try load(["proxy.yaml": "include: more.yaml\n" + ConfigurationFixture.file()])
        #expect(messages == ["proxy.yaml:1:10: error: include: there is no such file"])
    }

    @Test(arguments: ["", "\n", "# nothing yet\n", "---\n"])
    func anIncludedFileMayHoldNothing(_ text: String) throws {
        let (result, messages) = try load(["proxy.yaml": main, "conf.d/1.yaml": text, "conf.d/2.yaml": "log: {level: debug}"])
        #expect(messages == [])
        #expect(result.snapshot?.configuration.log.level == .debug)
    }

    @Test func aFileThatTwoGlobsNameIsTakenOnce() throws {
        let (result, messages) = try load([
            "proxy.yaml": "include: [conf.d/a.yaml, \"conf.d/*.yaml\"]\n" + ConfigurationFixture.file(),
            "conf.d/a.yaml": "log: {level: debug}\nkeys: [{name: k, key: sk-0123456789abcdef-k}]",
        ])
        #expect(messages.filter { $0.contains("error") } == [])
        #expect(result.snapshot?.configuration.keys.map(\.name) == ["k"])
    }

    @Test func aFileIsTakenOnceHoweverItsPathIsSpelled() throws {
        let (result, messages) = try load([
            "proxy.yaml":
                "include: [./conf.d/a.yaml, conf.d/a.yaml, conf.d/../conf.d/*.yaml, ./proxy.yaml]\n"
                + ConfigurationFixture.file(),
            "conf.d/a.yaml": "log: {level: debug}\nkeys: [{name: k, key: sk-0123456789abcdef-k}]",
        ])
        #expect(messages.filter { $0.contains("error") } == [])
        #expect(result.snapshot?.configuration.keys.map(\.name) == ["k"])
    }

    @Test func eachFileThatIsNotThereIsToldAtItsPlace() throws {
        let (_, messages) = try load([
            "proxy.yaml": "include: [more.yaml, conf.d, \"conf.d/*.yaml\", other.yaml]\n" + ConfigurationFixture.file()
        ])
        #expect(
            messages == [
                "proxy.yaml:1:11: error: include[0]: there is no such file",
                "proxy.yaml:1:22: error: include[1]: 'conf.d' cannot be read: is a directory",
                "proxy.yaml:1:47: error: include[3]: there is no such file",
            ])
    }

    @Test func anIncludedFileCountsForTheHash() throws {
        let one = try load(["proxy.yaml": main, "conf.d/1.yaml": "log: {level: info}"]).0
        let two = try load(["proxy.yaml": main, "conf.d/1.yaml": "log: {level: debug}"]).0
        #expect(one.snapshot != nil && two.snapshot != nil)
        #expect(one.hash != two.hash)
        #expect(one.snapshot?.textHash != two.snapshot?.textHash)
    }

    /// Nodes compare what is written, wherever it lies and whatever its references read.
    @Test func theHashOfTheTextsIsThatOfNoFolder() throws {
        let files = ["proxy.yaml": main, "conf.d/1.yaml": "keys: [{name: k, key: '${file:own}'}]"]
        let own = ["sk-one-0123456789abcdef", "sk-two-0123456789abcdef"]
        var snapshots: [Snapshot] = []
        for text in own {
            let result = try load(files.merging(["own": text]) { a, _ in a }).0
            snapshots.append(try #require(result.snapshot))
        }
        #expect(snapshots[0].hash != snapshots[1].hash)
        #expect(snapshots[0].textHash == snapshots[1].textHash)
        let other = files.merging(["conf.d/1.yaml": "keys: [{name: l, key: '${file:own}'}]", "own": own[0]]) { _, b in b }
        let changed = try load(other).0
        #expect(changed.snapshot != nil && changed.snapshot?.textHash != snapshots[0].textHash)
        let single = try #require(try load(["proxy.yaml": ConfigurationFixture.file()]).0.snapshot)
        #expect(single.textHash == single.hash)
    }

    @Test func aFileThatIncludesItselfIsReadOnce() throws {
        #expect(try load(["proxy.yaml": "include: proxy.yaml\n" + ConfigurationFixture.file()]).0.snapshot != nil)
    }
}
