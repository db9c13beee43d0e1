import Foundation
import Glibc
import Logging
import Synchronization
import Testing

@testable import ProxyCore

/// Real files, real inotify. The interval of looking is an hour, so that what is seen is seen by its event.
@Suite(.serialized) struct FileWatcherTests {
    /// A watched file and what was seen of it when a change was told.
    private final class Bench: Sendable {
        let folder: URL
        let path: String
        let inputs: Published<WatchedInputs>
        private let seen = Mutex<[String]>([])
        private let task = Mutex<Task<Void, Never>?>(nil)

        /// `prepare` makes the files and returns the path to watch.
        init(interval: Duration = .seconds(3600), prepare: (URL) throws -> String) async throws {
            folder = try ConfigurationFixture.makeFolder()
            path = try prepare(folder)
            inputs = Published(WatchedInputs(files: [path], patterns: [folder.path + "/conf.d/*.yaml"]))
            let watcher = FileWatcher(
                inputs: inputs, quietPeriod: .milliseconds(20), interval: interval,
                logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
            ) { [weak self] in self?.note() }
            task.withLock { $0 = Task { await watcher.run() } }
            // The first look is at the start, and tells that the watches are set.
            await sees("a")
        }

        private func note() {
            let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? "!"
            let more = (try? FileManager.default.contentsOfDirectory(atPath: folder.path + "/conf.d").sorted().joined()) ?? ""
            seen.withLock { $0.append(text + more) }
        }

        var all: [String] { seen.withLock { $0 } }

        /// Waits, at most ten seconds, until the last thing seen is `text`.
        func sees(_ text: String) async {
            for _ in 0..<2000 {
                if seen.withLock({ $0.last }) == text { return }
                try? await Task.sleep(for: .milliseconds(5))
            }
            Issue.record("saw \(all), not \(text)")
        }

        func end() async {
            let running = task.withLock { $0 }
            running?.cancel()
            await running?.value
            try? FileManager.default.removeItem(at: folder)
        }
    }

    private static func write(_ text: String, _ path: String) throws {
        try text.write(toFile: path, atomically: false, encoding: .utf8)
    }

    enum Way: String, CaseIterable {
        case inPlace, inPieces, renamedOver, deletedAndCreated, movedAwayAndCreated, hardLinked

        func save(_ text: String, _ path: String) throws {
            let files = FileManager.default
            switch self {
            case .inPlace: try FileWatcherTests.write(text, path)
            case .inPieces:
                let handle = try #require(FileHandle(forWritingAtPath: path))
                try handle.truncate(atOffset: 0)
                for character in text { try handle.write(contentsOf: Data(String(character).utf8)) }
                try handle.close()
            case .renamedOver:
                try FileWatcherTests.write(text, path + ".new")
                guard rename(path + ".new", path) == 0 else { throw CocoaError(.fileWriteUnknown) }
            case .deletedAndCreated:
                try files.removeItem(atPath: path)
                try FileWatcherTests.write(text, path)
            case .movedAwayAndCreated:
                try files.moveItem(atPath: path, toPath: path + "~")
                try FileWatcherTests.write(text, path)
                try files.removeItem(atPath: path + "~")
            case .hardLinked:
                try FileWatcherTests.write(text, path + ".new")
                try files.removeItem(atPath: path)
                try files.linkItem(atPath: path + ".new", toPath: path)
                try files.removeItem(atPath: path + ".new")
            }
        }
    }

    @Test(arguments: Way.allCases)
    func everyWayOfSavingIsSeenTwice(_ way: Way) async throws {
        let bench = try await Bench { folder in
            try Self.write("a", folder.path + "/proxy.yaml")
            return folder.path + "/proxy.yaml"
        }
        for text in ["bb", "ccc"] {
            try way.save(text, bench.path)
            await bench.sees(text)
        }
        #expect(!bench.all.contains(""), "an empty file was told: \(bench.all)")
        await bench.end()
    }

    /// It looks all the time, and there are events of other kinds: none of it takes half a file for a whole one.
    @Test(arguments: [false, true]) func aWriterThatPausesIsWaitedFor(_ isNew: Bool) async throws {
        let bench = try await Bench(interval: .milliseconds(50)) { folder in
            try Self.write("a", folder.path + "/proxy.yaml")
            return folder.path + "/proxy.yaml"
        }
        if isNew { unlink(bench.path) }
        let file = open(bench.path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        #expect(Glibc.write(file, "half", 4) == 4)
        try await Task.sleep(for: .milliseconds(120))
        chmod(bench.path, 0o640)
        utimes(bench.path, [timeval(tv_sec: 1, tv_usec: 0), timeval(tv_sec: 1, tv_usec: 0)])
        try await Task.sleep(for: .milliseconds(120))
        #expect(!bench.all.contains("half"), "saw \(bench.all)")
        #expect(Glibc.write(file, " and half", 9) == 9)
        close(file)
        await bench.sees("half and half")
        #expect(!bench.all.contains("half"), "saw \(bench.all)")
        await bench.end()
    }

    @Test func kubernetesSwapOfDataIsSeenTwice() async throws {
        let bench = try await Bench { folder in
            for name in ["a", "b"] {
                try FileManager.default.createDirectory(atPath: "\(folder.path)/..\(name)", withIntermediateDirectories: true)
                try Self.write(name, "\(folder.path)/..\(name)/proxy.yaml")
            }
            try FileManager.default.createSymbolicLink(atPath: folder.path + "/..data", withDestinationPath: "..a")
            try FileManager.default.createSymbolicLink(
                atPath: folder.path + "/proxy.yaml", withDestinationPath: "..data/proxy.yaml")
            return folder.path + "/proxy.yaml"
        }
        for name in ["b", "a"] {
            try FileManager.default.createSymbolicLink(atPath: bench.folder.path + "/..tmp", withDestinationPath: "..\(name)")
            #expect(rename(bench.folder.path + "/..tmp", bench.folder.path + "/..data") == 0)
            await bench.sees(name)
        }
        await bench.end()
    }

    @Test func aTargetWrittenElsewhereIsSeen() async throws {
        let elsewhere = try ConfigurationFixture.makeFolder()
        let bench = try await Bench { folder in
            try Self.write("a", elsewhere.path + "/real.yaml")
            try FileManager.default.createSymbolicLink(
                atPath: folder.path + "/link.yaml", withDestinationPath: elsewhere.path + "/real.yaml")
            try FileManager.default.createSymbolicLink(atPath: folder.path + "/proxy.yaml", withDestinationPath: "link.yaml")
            return folder.path + "/proxy.yaml"
        }
        try Self.write("b", elsewhere.path + "/real.yaml")
        await bench.sees("b")
        // The link in the middle moves, and what it led to before is of no interest.
        try Self.write("c", bench.folder.path + "/other.yaml")
        try FileManager.default.createSymbolicLink(atPath: bench.folder.path + "/tmp", withDestinationPath: "other.yaml")
        #expect(rename(bench.folder.path + "/tmp", bench.folder.path + "/link.yaml") == 0)
        await bench.sees("c")
        try Self.write("d", bench.folder.path + "/other.yaml")
        await bench.sees("d")
        await bench.end()
        try? FileManager.default.removeItem(at: elsewhere)
    }

    @Test func aFileThatComesToMatchAGlobIsSeen() async throws {
        let bench = try await Bench { folder in
            try FileManager.default.createDirectory(atPath: folder.path + "/conf.d", withIntermediateDirectories: true)
            try Self.write("a", folder.path + "/proxy.yaml")
            return folder.path + "/proxy.yaml"
        }
        try Self.write("x", bench.folder.path + "/conf.d/1.yaml")
        await bench.sees("a1.yaml")
        await bench.end()
    }

    @Test func aFolderOfAGlobThatGoesAndComesBackIsSeen() async throws {
        let bench = try await Bench { folder in
            try FileManager.default.createDirectory(atPath: folder.path + "/conf.d", withIntermediateDirectories: true)
            try Self.write("a", folder.path + "/proxy.yaml")
            return folder.path + "/proxy.yaml"
        }
        let (files, path) = (FileManager.default, bench.folder.path)
        try Self.write("x", path + "/conf.d/1.yaml")
        await bench.sees("a1.yaml")
        try files.moveItem(atPath: path + "/conf.d", toPath: path + "/away")
        await bench.sees("a")
        try files.moveItem(atPath: path + "/away", toPath: path + "/conf.d")
        await bench.sees("a1.yaml")
        try files.removeItem(atPath: path + "/conf.d")
        await bench.sees("a")
        try files.createDirectory(atPath: path + "/conf.d", withIntermediateDirectories: true)
        try Self.write("y", path + "/conf.d/2.yaml")
        await bench.sees("a2.yaml")
        await bench.end()
    }

    @Test func aFolderThatComesToMatchAGlobIsSeen() async throws {
        let bench = try await Bench { folder in
            try Self.write("a", folder.path + "/proxy.yaml")
            return folder.path + "/proxy.yaml"
        }
        let path = bench.folder.path
        bench.inputs.update { $0.patterns = [path + "/teams/*/rules.d/*.yaml"] }
        // New patterns are taken over with the next change of a file.
        try Self.write("b", bench.path)
        await bench.sees("b")
        let before = bench.all.count
        try FileManager.default.createDirectory(atPath: path + "/teams/x/rules.d", withIntermediateDirectories: true)
        try Self.write("x", path + "/teams/x/rules.d/1.yaml")
        for _ in 0..<2000 where bench.all.count <= before { try await Task.sleep(for: .milliseconds(5)) }
        #expect(bench.all.count > before)
        await bench.end()
    }

    @Test func withoutAnEventALookFindsIt() async throws {
        // The directory itself is replaced: no watched entry of it changes.
        let bench = try await Bench(interval: .milliseconds(30)) { folder in
            try FileManager.default.createDirectory(atPath: folder.path + "/d", withIntermediateDirectories: true)
            try FileManager.default.createDirectory(atPath: folder.path + "/e", withIntermediateDirectories: true)
            try Self.write("a", folder.path + "/d/proxy.yaml")
            try Self.write("b", folder.path + "/e/proxy.yaml")
            return folder.path + "/d/proxy.yaml"
        }
        #expect(rename(bench.folder.path + "/d", bench.folder.path + "/old") == 0)
        #expect(rename(bench.folder.path + "/e", bench.folder.path + "/d") == 0)
        await bench.sees("b")
        await bench.end()
    }

    @Test func savingTheSameAgainIsNoChange() async throws {
        let bench = try await Bench { folder in
            try Self.write("a", folder.path + "/proxy.yaml")
            return folder.path + "/proxy.yaml"
        }
        try Way.renamedOver.save("a", bench.path)
        try Way.inPlace.save("b", bench.path)
        await bench.sees("b")
        #expect(bench.all == ["a", "b"])
        await bench.end()
    }

    @Test func whatSomebodyElseReadInBetweenMakesTheSameAChange() async throws {
        let bench = try await Bench { folder in
            try Self.write("a", folder.path + "/proxy.yaml")
            return folder.path + "/proxy.yaml"
        }
        bench.inputs.update { $0.otherReads += 1 }
        try Self.write("a", bench.path)
        for _ in 0..<2000 where bench.all.count < 2 { try await Task.sleep(for: .milliseconds(5)) }
        #expect(bench.all == ["a", "a"])
        await bench.end()
    }

    @Test func everyHopOfASymlinkIsKnown() throws {
        try ConfigurationFixture.withFolder { folder in
            let root = folder.resolvingSymlinksInPath().path
            try FileManager.default.createDirectory(atPath: root + "/..v1", withIntermediateDirectories: true)
            try Self.write("a", root + "/..v1/p.yaml")
            try FileManager.default.createSymbolicLink(atPath: root + "/..data", withDestinationPath: "..v1")
            try FileManager.default.createSymbolicLink(atPath: root + "/p.yaml", withDestinationPath: "./..data/p.yaml")
            #expect(
                SymlinkTrail(root + "/p.yaml").entries.filter { $0.directory.hasPrefix(root) }
                    .map { "\($0.directory.dropFirst(root.count))/\($0.name)" } == [
                        "/p.yaml", "/..data", "/..v1", "/..v1/p.yaml",
                    ])
            try FileManager.default.createSymbolicLink(atPath: root + "/loop", withDestinationPath: "loop")
            #expect(SymlinkTrail(root + "/loop").entries.filter { $0.directory.hasPrefix(root) }.count <= 41)
            #expect(SymlinkTrail(root + "/no/such").entries.last?.name == "no")
        }
    }
}
