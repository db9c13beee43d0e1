import Foundation
import Glibc

/// A pipe to write to, and what came out of it.
struct OutputPipe {
    struct Failure: Error {}

    let reading: Int32
    let writing: Int32

    init() throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw Failure() }
        (reading, writing) = (ends[0], ends[1])
    }

    /// Closes the end for writing and reads to the end.
    func finish() -> String {
        close(writing)
        defer { close(reading) }
        return read()
    }

    func read() -> String {
        var text: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(reading, &chunk, chunk.count)
            guard count > 0 else { return String(decoding: text, as: UTF8.self) }
            text += chunk[..<count]
        }
    }
}
