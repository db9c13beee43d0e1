import Foundation
import Glibc
import Testing

@testable import ProxyCore

@Suite("Log sink")
struct LogSinkTests {
    @Test("lines of several threads come out whole, each thread's in its order, and none is lost")
    func whole() throws {
        let pipe = try OutputPipe()
        let sink = LogSink(descriptor: pipe.writing, delayMilliseconds: 1)
        let reader = Reader(pipe)
        DispatchQueue.concurrentPerform(iterations: 4) { writer in
            for number in 0..<5000 {
                Self.write(
                    "\(writer) \(number) \(String(repeating: "x", count: number % 200))\n", to: sink, urgent: number % 97 == 0)
            }
        }
        sink.close()
        close(pipe.writing)
        var next = [0, 0, 0, 0]
        for line in reader.text().split(separator: "\n") {
            let parts = line.split(separator: " ", omittingEmptySubsequences: false)
            let writer = try #require(parts.count == 3 ? Int(parts[0]) : nil)
            let number = try #require(Int(parts[1]))
            #expect(next[writer] == number)
            #expect(parts[2].count == number % 200)
            next[writer] = number + 1
        }
        #expect(next == [5000, 5000, 5000, 5000])
        #expect(sink.lostLines == 0)
    }

    @Test("flush returns when everything is written, however long a line may wait for others")
    func flush() throws {
        let pipe = try OutputPipe()
        let sink = LogSink(descriptor: pipe.writing, delayMilliseconds: 600_000)
        for number in 0..<3 {
            Self.write("\(number)\n", to: sink)
            #expect(sink.flush())
            var chunk = [UInt8](repeating: 0, count: 16)
            #expect(read(pipe.reading, &chunk, 16) == 2)
            #expect(chunk[0] == UInt8(ascii: "0") + UInt8(number))
        }
        sink.close()
        #expect(pipe.finish() == "")
    }

    @Test("an urgent line goes out at once, and a batch too")
    func urgent() throws {
        let pipe = try OutputPipe()
        let sink = LogSink(descriptor: pipe.writing, batch: 8, delayMilliseconds: 600_000)
        var chunk = [UInt8](repeating: 0, count: 16)
        Self.write("a\n", to: sink)
        Self.write("b\n", to: sink, urgent: true)
        #expect(read(pipe.reading, &chunk, 16) == 4)
        Self.write("c\n", to: sink)
        Self.write("defghijk\n", to: sink)
        #expect(read(pipe.reading, &chunk, 16) == 11)
        sink.close()
        _ = pipe.finish()
    }

    @Test("while the output is blocked lines are dropped and counted, and the count is told once it flows")
    func blocked() throws {
        let pipe = try OutputPipe()
        let sink = LogSink(descriptor: pipe.writing, capacity: 100_000, batch: 1000) { notice in
            guard case .dropped(let lines) = notice else { return [] }
            return Array("lost \(lines)\n".utf8)
        }
        let line = String(repeating: "x", count: 99) + "\n"
        for _ in 0..<10_000 { Self.write(line, to: sink) }
        #expect(!sink.flush(timeoutMilliseconds: 1))
        let lost = sink.lostLines
        #expect(lost > 5000)
        let reader = Reader(pipe)
        sink.close()
        close(pipe.writing)
        let lines = reader.text().split(separator: "\n")
        #expect(lines.filter { $0 == line.dropLast() }.count == 10_000 - lost)
        let told = lines.filter { $0.hasPrefix("lost ") }.compactMap { Int($0.dropFirst("lost ".count)) }
        #expect(told.reduce(0, +) == lost)
        #expect(told.count <= 2)
    }

    @Test("an output that is gone costs the lines and nothing else")
    func gone() throws {
        let pipe = try OutputPipe()
        let sink = LogSink(descriptor: pipe.writing)
        close(pipe.reading)
        Self.write("a\nb\n", to: sink)
        #expect(sink.flush())
        #expect(sink.lostLines == 2)
        sink.close()
        Self.write("c\n", to: sink)
        #expect(sink.lostLines == 3)
        close(pipe.writing)
    }

    private static func write(_ text: String, to sink: LogSink, urgent: Bool = false) {
        Array(text.utf8).withUnsafeBytes { sink.write($0, urgent: urgent) }
    }
}

/// Reads a pipe to its end on a thread of its own.
private final class Reader: Sendable {
    private let result = Published("")
    private let done = DispatchSemaphore(value: 0)

    init(_ pipe: OutputPipe) {
        Thread.detachNewThread { [result, done] in
            result.publish(pipe.read())
            close(pipe.reading)
            done.signal()
        }
    }

    func text() -> String {
        done.wait()
        return result.current
    }
}
