import Foundation
import Logging
import ProxyCore
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The signatures that were used, in the state directory: a restart makes none of them new. A line each, `until signature`.
final class SignatureFile: Sendable {
    private struct State {
        var lines = 0
        var isFailing = false
    }

    private let path: String
    private let logger: Logger?
    private let state: Mutex<State>
    /// What was in it at the start.
    let found: [String: Int]
    /// Whether that is all that was in it.
    let isWhole: Bool

    /// Longer than it ever gets.
    private static let longest = 16 << 20
    private static let signatureLength = 64

    init(directory: String, logger: Logger?) {
        path = directory + "/lark-signatures"
        self.logger = logger
        (found, isWhole) = Self.read(path)
        // What is damaged is written anew with the next.
        state = Mutex(State(lines: isWhole ? found.count : .max))
        guard !isWhole else { return }
        logger?.warning(
            "used signatures of Lark's cannot all be read; those that are lost count once more",
            metadata: [LogKeys.file: "\(path)", LogKeys.known: "\(found.count)"])
    }

    /// What it has, and whether that is all.
    private static func read(_ path: String) -> (found: [String: Int], isWhole: Bool) {
        var about = stat()
        guard lstat(path, &about) == 0 else { return ([:], errno == ENOENT) }
        guard about.st_size <= longest, about.st_mode & S_IFMT == S_IFREG, let data = FileManager.default.contents(atPath: path)
        else { return ([:], false) }
        var found: [String: Int] = [:]
        var isWhole = true
        for line in data.split(separator: UInt8(ascii: "\n")) {
            let words = line.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
            // The last line may have been cut off.
            guard words.count == 2, let until = Int(words[0]), words[1].utf8.count == signatureLength else {
                isWhole = false
                continue
            }
            found[words[1]] = until
        }
        return (found, isWhole)
    }

    /// Keeps one more.
    /// - Parameter unended: all that have not ended, when the file has as many lines as are remembered and is written anew.
    func keep(_ signature: String, until: Int, capacity: Int, unended: () -> [String: Int]) {
        state.withLock { state in
            let isFull = state.lines >= capacity
            let lines = isFull ? unended() : [signature: until]
            let text = lines.map { "\($0.value) \($0.key)\n" }.joined()
            do throws(TokenFile.Failure) {
                if isFull {
                    try TokenFile(path: path).replace(with: Array(text.utf8))
                    state.lines = 0
                } else {
                    // Behind one that was cut off, a line of its own.
                    try Self.append(Array("\n\(text)".utf8), to: path)
                }
                state.lines += lines.count
                state.isFailing = false
            } catch {
                if !state.isFailing {
                    logger?.warning(
                        "a signature of Lark's cannot be kept; after a restart it counts once more",
                        metadata: [LogKeys.reason: "\(error)"])
                }
                state.isFailing = true
            }
        }
    }

    private static func append(_ line: [UInt8], to path: String) throws(TokenFile.Failure) {
        let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw TokenFile.Failure(step: "open", code: errno) }
        defer { close(file) }
        let count = line.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
        guard count == line.count else { throw TokenFile.Failure(step: "write", code: count < 0 ? errno : ENOSPC) }
    }
}
