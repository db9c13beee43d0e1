import Foundation
import Glibc
import Testing

@testable import ProxyCore

@Suite("Log files")
struct LogRotationTests {
    @Test("a full file gives way to the next in whole lines, none is lost, and the oldest go")
    func size() throws {
        try Self.inFolder { folder in
            let path = folder + "/a.log"
            var rotation = LogRotation(bytes: 100)
            rotation.keep = 2
            var file = RotatingLogFile(try OpenedLogFile.open(path), rotation, now: 0)
            for number in 10..<60 { #expect(Self.append("line \(number)\n", to: &file) == nil) }
            file.end()
            #expect(try Self.names(in: folder) == ["a.log", "a.log.1", "a.log.2"])
            for name in ["a.log", "a.log.1", "a.log.2"] {
                let text = try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)
                #expect(text.utf8.count <= 100 && text.hasSuffix("\n"))
            }
            let all = try ["a.log.2", "a.log.1", "a.log"].map { try String(contentsOfFile: "\(folder)/\($0)", encoding: .utf8) }
            let numbers = all.joined().split(separator: "\n").compactMap { Int($0.dropFirst(5)) }
            #expect(numbers == Array((60 - numbers.count)..<60))
            #expect(numbers.count > 24)
        }
    }

    @Test("one batch of lines is spread over files; a line longer than a file is a file of its own")
    func batch() throws {
        try Self.inFolder { folder in
            let path = folder + "/a.log"
            var file = RotatingLogFile(try OpenedLogFile.open(path), LogRotation(bytes: 10), now: 0)
            #expect(Self.append("1234\n5678\n" + String(repeating: "x", count: 40) + "\nend\n", to: &file) == nil)
            file.end()
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "end\n")
            #expect(try String(contentsOfFile: path + ".1", encoding: .utf8).utf8.count == 41)
            #expect(try String(contentsOfFile: path + ".2", encoding: .utf8) == "1234\n5678\n")
        }
    }

    @Test("an old file gives way too; how old it is, its first line tells after a restart")
    func age() throws {
        try Self.inFolder { folder in
            let path = folder + "/a.log"
            var file = RotatingLogFile(try OpenedLogFile.open(path), LogRotation(age: .seconds(60)), now: 1_000_000)
            #expect(Self.append("1970-01-01T00:16:40.000Z a\n", to: &file, now: 1_000_000) == nil)
            #expect(Self.append("b\n", to: &file, now: 1_059_999) == nil)
            file.end()
            var again = RotatingLogFile(try OpenedLogFile.open(path), LogRotation(age: .seconds(60)), now: 1_059_999)
            #expect(Self.append("c\n", to: &again, now: 1_060_000) == nil)
            again.end()
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "c\n")
            #expect(try Self.names(in: folder) == ["a.log", "a.log.1"])
        }
    }

    @Test("a rotated file keeps its mode, and a new one is for owner and group")
    func mode() throws {
        try Self.inFolder { folder in
            let path = folder + "/a.log"
            var file = RotatingLogFile(try OpenedLogFile.open(path), LogRotation(bytes: 4), now: 0)
            #expect(try Self.mode(of: path) & 0o007 == 0)
            chmod(path, 0o600)
            #expect(Self.append("abc\ndef\n", to: &file) == nil)
            file.end()
            #expect(try Self.mode(of: path) == 0o600)
        }
    }

    @Test("where nothing can be rotated the file goes on, it is told once, and tried again after a minute")
    func stuck() throws {
        try Self.inFolder { folder in
            let path = folder + "/a.log"
            var file = RotatingLogFile(try OpenedLogFile.open(path), LogRotation(bytes: 4), now: 0)
            // A folder in the way, that is not empty.
            mkdir(path + ".rotating", 0o700)
            mkdir(path + ".rotating/x", 0o700)
            for _ in 0..<3 { #expect(Self.append("abc\n", to: &file, now: 1) == nil) }
            #expect(file.takeRotationFailure() != nil)
            #expect(file.takeRotationFailure() == nil)
            rmdir(path + ".rotating/x")
            rmdir(path + ".rotating")
            #expect(Self.append("abc\n", to: &file, now: 59_000) == nil)
            #expect(try Self.names(in: folder) == ["a.log"])
            #expect(Self.append("abc\n", to: &file, now: 60_001) == nil)
            file.end()
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "abc\n")
            #expect(try String(contentsOfFile: path + ".1", encoding: .utf8) == "abc\nabc\nabc\nabc\n")
        }
    }

    @Test("a file that takes nothing gives the lines back that it lacks, from the first one that is not whole")
    func full() throws {
        try Self.inFolder { folder in
            // Longer than a process may make a file: what a full disk says, without a disk.
            let descriptor = open("/dev/full", O_WRONLY)
            defer { close(descriptor) }
            var file = RotatingLogFile(
                OpenedLogFile(path: folder + "/a.log", descriptor: dup(descriptor)), LogRotation(bytes: 1_000), now: 0)
            let rest = Self.append("a\nb\n", to: &file)
            #expect(rest?.failure == ENOSPC)
            #expect(rest.map { Array($0.lines) } == Array("a\nb\n".utf8))
            file.end()
        }
    }

    @Test("a file that somebody deletes is made anew with the next line; where it cannot be, its lines come back until it can")
    func deleted() throws {
        try Self.inFolder { folder in
            let path = folder + "/logs/a.log"
            mkdir(folder + "/logs", 0o700)
            var file = RotatingLogFile(try OpenedLogFile.open(path), LogRotation(bytes: 1_000), now: 0)
            #expect(Self.append("a\n", to: &file) == nil)
            unlink(path)
            #expect(Self.append("b\n", to: &file) == nil)
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "b\n")
            unlink(path)
            rmdir(folder + "/logs")
            let rest = Self.append("c\n", to: &file)
            #expect(rest?.failure == ENOENT)
            #expect(rest.map { Array($0.lines) } == Array("c\n".utf8))
            mkdir(folder + "/logs", 0o700)
            #expect(Self.append("d\n", to: &file) == nil)
            file.end()
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "d\n")
        }
    }

    @Test("the sink writes where it is told to, and opens a file anew that was moved away")
    func moves() throws {
        try Self.inFolder { folder in
            let pipe = try OutputPipe()
            let sink = LogSink(descriptor: pipe.writing, target: .file(try OpenedLogFile.open(folder + "/a"), LogRotation()))
            func say(_ text: String) {
                Array(text.utf8).withUnsafeBytes { sink.write($0, urgent: true) }
                #expect(sink.flush())
            }
            say("one\n")
            rename(folder + "/a", folder + "/b")
            say("two\n")
            sink.move(to: .reopened(try OpenedLogFile.open(folder + "/a")))
            say("three\n")
            sink.move(to: .standardOutput)
            say("four\n")
            sink.close()
            #expect(pipe.finish() == "four\n")
            #expect(try String(contentsOfFile: folder + "/a", encoding: .utf8) == "three\n")
            #expect(try String(contentsOfFile: folder + "/b", encoding: .utf8) == "one\ntwo\n")
            #expect(!sink.isFailing)
        }
    }

    // MARK: Helpers

    private static func append(_ text: String, to file: inout RotatingLogFile, now: Int = 0) -> RotatingLogFile.Rest? {
        file.append(Array(text.utf8)[...], now: now)
    }

    private static func inFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "proxyd-logs-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    private static func names(in folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    }

    private static func mode(of path: String) throws -> UInt32 {
        var status = stat()
        try #require(stat(path, &status) == 0)
        return status.st_mode & 0o777
    }
}
