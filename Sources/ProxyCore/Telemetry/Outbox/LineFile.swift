import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// A file that lines are appended to, of events or decisions. It is made with mode 0600, and opened anew when it was moved away.
final class LineFile<Item: Sendable>: OutboxSink {
    let path: String
    private let lines: @Sendable ([Item]) -> [UInt8]
    private let state = Mutex(State())

    private struct State {
        var descriptor: Int32 = -1
        var isOld = false
    }

    /// - Parameter lines: what is written of items.
    init(path: String, lines: @escaping @Sendable ([Item]) -> [UInt8]) {
        self.path = path
        self.lines = lines
    }

    deinit {
        state.withLock { if $0.descriptor >= 0 { close($0.descriptor) } }
    }

    var receiver: String { path }

    /// What comes next goes to a file that is opened then.
    func reopen() {
        state.withLock { $0.isOld = true }
    }

    func deliver(_ items: [Item]) async throws(OutboxFailure) -> Int {
        let bytes = lines(items)
        let failure: Int32? = state.withLock { state in
            if state.isOld || state.descriptor < 0 {
                let fresh = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0o600)
                guard fresh >= 0 else { return errno }
                if state.descriptor >= 0 { close(state.descriptor) }
                state.descriptor = fresh
                state.isOld = false
            }
            return Self.append(bytes, to: state.descriptor)
        }
        if let failure { throw OutboxFailure("\(path): \(String(cString: strerror(failure)))", isPassing: true) }
        return 0
    }

    /// All of it or nothing: what is tried again is not to be there twice, and no line ends in the middle.
    /// - Returns: the error's number; nil where all is written.
    private static func append(_ bytes: [UInt8], to file: Int32) -> Int32? {
        var before = stat()
        let isRegular = fstat(file, &before) == 0 && before.st_mode & S_IFMT == S_IFREG
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { bytes -> Int in
                guard let base = bytes.baseAddress else { return 0 }
                return write(file, base + written, bytes.count - written)
            }
            if count > 0 {
                written += count
            } else if count == 0 || errno != EINTR {
                let reason = count == 0 ? EIO : errno
                if isRegular, written > 0 { _ = ftruncate(file, before.st_size) }
                return reason
            }
        }
        return nil
    }
}
