import Foundation
import Testing

@testable import ProxyCore

@Suite struct EnvironmentFileTests {
    @Test(
        arguments: [
            ("A=1", "1"), ("A = 1 2 ", "1 2"), ("export A=1", "1"), ("A='a b'  ", "a b"), ("A=\"a\\\"b\\n\"", "a\"b\\n"),
            ("# A=2\n; A=3\n\nA=1\n", "1"), ("A=\"one\ntwo\"", "one\ntwo"), ("A=one\\\ntwo", "onetwo"), ("A=", ""),
            ("A=x\\ y\\ ", "x y "), ("A=a=b#c", "a=b#c"), ("A=1\r\n", "1"), ("\u{FEFF}A=1", "1"), ("export=1\nA=2", "2"),
            ("A='$B'", "$B"), ("A=pre'a b'post", "prea bpost"), ("A=1\\", "1"),
        ])
    func aLineIsReadAsSystemdReadsIt(_ text: String, _ value: String) {
        let (values, problems) = EnvironmentFile.parse(text, file: "x.env")
        #expect(problems.isEmpty)
        #expect(values.last?.name == "A")
        #expect(values.last?.value == value)
    }

    @Test(
        arguments: [
            ("A=1\nB\n", "x.env:2:1", "NAME=value"), ("1A=1", "x.env:1:1", "digit"), ("A-B=1", "x.env:1:1", "letters"),
            ("B=1\n A='x\ny", "x.env:2:4", "does not end"), ("=1", "x.env:1:1", "letters"), ("A=\0", "x.env:1:3", "zero"),
        ])
    func whatIsNoLineIsToldWithItsPlace(_ text: String, _ place: String, _ words: String) {
        let problems = EnvironmentFile.parse(text, file: "x.env").problems
        #expect(problems.map { "\($0.location)" } == [place])
        #expect(problems.first?.message.contains(words) == true)
        #expect(problems.allSatisfy { $0.sourceLine == nil })
    }

    @Test(
        arguments: [
            ("A", "A"), ("A: 1", "A"), ("export A", "A"), ("set A=1", "A"), ("A-X=1", "A"), ("A=\0", "A"), ("B='x\nA=1", "A B C"),
            ("B", "B"), ("A=1\nB", "B"), ("A=1", ""),
        ])
    func whatABadLineLeavesOutIsNotToldOnceMore(_ text: String, _ explained: String) throws {
        let folder = try ScratchDirectory()
        try Data(text.utf8).write(to: URL(fileURLWithPath: folder.path + "/x.env"))
        let merged = EnvironmentFile.merge([folder.path + "/x.env"], over: [:])
        let file = "admin: {key: '${A}'}\nstate: ${B}\nlisten: ${C}\n"
        let result = ConfigurationLoader.load(text: file, file: "p.yaml", environment: [:])
        let told = result.errors.filter { merged.explains($0) }.map { String($0.message.dropFirst(23).prefix(1)) }
        #expect(Set(told) == Set(explained.split(separator: " ").map(String.init)))
    }

    @Test func aFileThatIsNotThereIsAnError() {
        let merged = EnvironmentFile.merge(["/nowhere/x.env"], over: ["A": "1"])
        #expect(merged.environment == ["A": "1"])
        let told = merged.problems.map { "\($0.location): \($0.message)" }
        #expect(told == ["/nowhere/x.env:1:1: cannot be read: No such file or directory"])
    }

    @Test func aPipeIsReadToItsEnd() throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        defer { close(ends[0]) }
        #expect(write(ends[1], "A=1\nB=2\n", 8) == 8)
        close(ends[1])
        let merged = EnvironmentFile.merge(["/dev/fd/\(ends[0])"], over: ["A": "0"])
        #expect(merged.problems.isEmpty)
        #expect(merged.environment == ["A": "1", "B": "2"])
        #expect(EnvironmentFile.merge(["/"], over: [:]).problems.map(\.message) == ["cannot be read: is a directory"])
    }
}
