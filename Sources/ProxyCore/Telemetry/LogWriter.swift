import Glibc

/// What the log says about itself, between the lines of others.
public enum LogNotice: Sendable, Equatable {
    /// Lines that were dropped, because the output took nothing.
    case dropped(lines: Int)
    /// The file takes no lines; they go to standard error.
    case fileFails(path: String, reason: String)
    /// The file takes lines again; so many went to standard error meanwhile.
    case fileWorks(path: String, lines: Int)
    /// The file goes on growing.
    case rotationFails(path: String, reason: String)
}

/// Where lines go from now on.
public enum LogTarget: Sendable {
    case standardOutput
    case file(OpenedLogFile, LogRotation)
    /// The file that was moved away, opened anew at its path.
    case reopened(OpenedLogFile)
    /// The file is the same, and is rotated otherwise.
    case rotation(LogRotation)
}

/// What the sink's thread writes to: standard output, or a file; standard error while the file takes nothing.
struct LogWriter {
    /// The descriptor of standard output.
    let descriptor: Int32
    let notice: @Sendable (LogNotice) -> [UInt8]
    private var file: RotatingLogFile?
    /// The file has failed, and it was told; lines that went to standard error since.
    private var redirected: Int?
    private var hasComplained = false

    init(descriptor: Int32, notice: @escaping @Sendable (LogNotice) -> [UInt8]) {
        self.descriptor = descriptor
        self.notice = notice
    }

    var isFailing: Bool { redirected != nil || hasComplained }

    mutating func take(_ target: LogTarget, now: Int = ProxyLogHandler.now()) {
        switch target {
        case .standardOutput:
            file?.end()
            (file, redirected) = (nil, nil)
        case .file(let opened, let rotation):
            file?.end()
            (file, redirected) = (RotatingLogFile(opened, rotation, now: now), nil)
        case .reopened(let opened):
            guard file?.path == opened.path else { return opened.close() }
            file?.take(opened, now: now)
        case .rotation(let rotation): file?.rotation = rotation
        }
    }

    /// Writes whole lines, however long that takes.
    /// - Returns: lines that are lost.
    mutating func write(_ lines: [UInt8], now: Int = ProxyLogHandler.now()) -> Int {
        guard !lines.isEmpty else { return 0 }
        guard file != nil else { return writePlainly(lines) }
        guard let rest = file?.append(lines[...], now: now) else {
            fileServed(now: now)
            return 0
        }
        let path = file?.path ?? ""
        if redirected == nil {
            redirected = 0
            _ = Self.put(notice(.fileFails(path: path, reason: String(cString: strerror(rest.failure))))[...], to: STDERR_FILENO)
        }
        let count = Self.lines(in: rest.lines)
        guard Self.put(rest.lines, to: STDERR_FILENO) == nil else { return count }
        redirected = (redirected ?? 0) + count
        return 0
    }

    private mutating func fileServed(now: Int) {
        guard let path = file?.path else { return }
        if let lines = redirected {
            redirected = nil
            _ = file?.append(notice(.fileWorks(path: path, lines: lines))[...], now: now)
        }
        if let reason = file?.takeRotationFailure() {
            _ = file?.append(notice(.rotationFails(path: path, reason: reason))[...], now: now)
        }
    }

    private mutating func writePlainly(_ lines: [UInt8]) -> Int {
        guard let failure = Self.put(lines[...], to: descriptor) else {
            hasComplained = false
            return 0
        }
        if !hasComplained { complain(failure) }
        hasComplained = true
        return Self.lines(in: lines[...])
    }

    /// Writes all of it; gives the error number that makes it impossible.
    private static func put(_ bytes: ArraySlice<UInt8>, to descriptor: Int32) -> Int32? {
        bytes.withUnsafeBytes { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let written = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if written >= 0 {
                    rest = rest.dropFirst(written)
                    continue
                }
                switch errno {
                case EINTR: continue
                case EAGAIN:
                    var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    _ = poll(&waiting, 1, 1000)
                case let failure: return failure
                }
            }
            return nil
        }
    }

    private func complain(_ failure: Int32) {
        guard descriptor != STDERR_FILENO else { return }
        let text = "log output failed, lines are lost: \(String(cString: strerror(failure)))\n"
        _ = Array(text.utf8).withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    static func lines(in bytes: some Sequence<UInt8>) -> Int {
        bytes.reduce(0) { $0 + ($1 == UInt8(ascii: "\n") ? 1 : 0) }
    }
}
