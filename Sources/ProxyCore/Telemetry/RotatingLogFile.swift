import Basics
import Glibc

/// A file of log lines that is open; on its way to the thread that writes.
public struct OpenedLogFile: Sendable {
    let path: String
    let descriptor: Int32

    public struct Failure: Error, CustomStringConvertible {
        let path: String
        let reason: String
        /// The system's number for it.
        var code = EINVAL

        public var description: String { "'\(path)' cannot be written: \(reason)" }
    }

    /// Opens the file at its end; makes it where there is none, readable for owner and group.
    public static func open(_ path: String) throws(Failure) -> OpenedLogFile {
        // What is no file, a FIFO say, must not hold the process up.
        let descriptor = Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0o640)
        guard descriptor >= 0 else {
            let code = errno
            throw Failure(path: path, reason: String(cString: strerror(code)), code: code)
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            Glibc.close(descriptor)
            throw Failure(path: path, reason: "it is no regular file")
        }
        return OpenedLogFile(path: path, descriptor: descriptor)
    }

    public func close() { Glibc.close(descriptor) }
}

/// The file that the log's thread writes: it appends whole lines, and begins a new file when it is time.
///
/// `FILE` becomes `FILE.1`, that `FILE.2`, and so on; the oldest go. Lines that come meanwhile are in one file or the other.
struct RotatingLogFile {
    let path: String
    var rotation: LogRotation
    private(set) var descriptor: Int32
    /// Bytes.
    private var size = 0
    /// Milliseconds since 1970.
    private var begunAt = 0
    /// Nothing is tried before, after a rotation that came to nothing.
    private var retriesAt = 0
    /// Why the last rotation came to nothing, until somebody asks.
    private var rotationFailure: String?
    private var isRotationFailing = false

    private static let pause = 60_000

    init(_ file: OpenedLogFile, _ rotation: LogRotation, now: Int) {
        path = file.path
        descriptor = file.descriptor
        self.rotation = rotation
        measure(now: now)
    }

    /// Takes what is left of lines that could not be written, and why.
    struct Rest {
        var lines: ArraySlice<UInt8>
        let failure: Int32
    }

    /// - Parameter now: milliseconds since 1970.
    /// - Returns: nil when all is written.
    mutating func append(_ lines: ArraySlice<UInt8>, now: Int) -> Rest? {
        if let failure = replaceDeleted(now: now) { return Rest(lines: lines, failure: failure) }
        var rest = lines
        while !rest.isEmpty {
            if isTime(for: rest, now: now) { rotate(now: now) }
            let piece = fitting(rest)
            let (written, failure) = write(piece)
            size += written
            rest = rest.dropFirst(written)
            if let failure { return Rest(lines: rest, failure: failure) }
        }
        return nil
    }

    /// Puts the file that is at the path now in the place of the one that was moved away.
    mutating func take(_ file: OpenedLogFile, now: Int) {
        close(descriptor)
        descriptor = file.descriptor
        (retriesAt, isRotationFailing) = (0, false)
        measure(now: now)
    }

    /// Why files are not rotated, once for each time that it begins.
    mutating func takeRotationFailure() -> String? {
        defer { rotationFailure = nil }
        return rotationFailure
    }

    func end() { close(descriptor) }

    // MARK: Writing

    /// Makes the file anew where somebody has deleted it: what is written to the one that is open reaches nobody.
    /// - Returns: why it cannot be made.
    private mutating func replaceDeleted(now: Int) -> Int32? {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_nlink == 0 else { return nil }
        do throws(OpenedLogFile.Failure) {
            take(try OpenedLogFile.open(path), now: now)
            return nil
        } catch {
            return error.code
        }
    }

    /// So many whole lines as the file has room for; one line at least.
    private func fitting(_ lines: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard let most = rotation.bytes, lines.count > max(0, most - size), retriesAt == 0 else { return lines }
        let room = lines.prefix(max(0, most - size))
        let newline = UInt8(ascii: "\n")
        if let last = room.lastIndex(of: newline) { return lines[lines.startIndex...last] }
        guard let first = lines.firstIndex(of: newline) else { return lines }
        return lines[lines.startIndex...first]
    }

    /// - Returns: bytes of whole lines that are in the file; why there are no more.
    private func write(_ lines: ArraySlice<UInt8>) -> (written: Int, failure: Int32?) {
        lines.withUnsafeBytes { bytes in
            var done = 0
            while done < bytes.count {
                let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
                let written = Glibc.write(descriptor, rest.baseAddress, rest.count)
                if written >= 0 {
                    done += written
                    continue
                }
                let failure = errno
                if failure == EINTR { continue }
                // A line that is there in part would be glued to the next one.
                let whole = bytes[..<done].lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
                var status = stat()
                if whole < done, fstat(descriptor, &status) == 0 { ftruncate(descriptor, status.st_size - (done - whole)) }
                return (whole, failure)
            }
            return (done, nil)
        }
    }

    // MARK: Rotating

    private func isTime(for lines: ArraySlice<UInt8>, now: Int) -> Bool {
        guard size > 0, now >= retriesAt else { return false }
        if let most = rotation.bytes {
            let first = lines.firstIndex(of: UInt8(ascii: "\n")).map { $0 - lines.startIndex + 1 } ?? lines.count
            if size + first > most { return true }
        }
        if let age = rotation.age, now - begunAt >= age.milliseconds { return true }
        return false
    }

    private mutating func rotate(now: Int) {
        let fresh = path + ".rotating"
        unlink(fresh)
        let descriptor = Glibc.open(fresh, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { return failed(now: now) }
        keepMode(on: descriptor)
        makeRoom()
        guard rename(path, path + ".1") == 0 || errno == ENOENT, rename(fresh, path) == 0 else {
            failed(now: now)
            close(descriptor)
            unlink(fresh)
            return
        }
        close(self.descriptor)
        self.descriptor = descriptor
        (size, begunAt, retriesAt, isRotationFailing) = (0, now, 0, false)
    }

    /// What goes on is the old file, and the next try is later.
    private mutating func failed(now: Int) {
        let reason = String(cString: strerror(errno))
        retriesAt = now + Self.pause
        if !isRotationFailing { rotationFailure = reason }
        isRotationFailing = true
    }

    /// A file has the mode and, where that may be, the owner of the one before it.
    private func keepMode(on fresh: Int32) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return }
        fchmod(fresh, status.st_mode & 0o777)
        _ = fchown(fresh, status.st_uid, status.st_gid)
    }

    /// Moves the rotated files one number up; those past `keep` go.
    private func makeRoom() {
        for number in rotated() where number >= rotation.keep { unlink("\(path).\(number)") }
        for number in stride(from: rotation.keep - 1, to: 0, by: -1) {
            rename("\(path).\(number)", "\(path).\(number + 1)")
        }
    }

    /// The numbers of the rotated files that are there.
    private func rotated() -> [Int] {
        guard let directory = opendir(LogFile.folder(of: path)) else { return [] }
        defer { closedir(directory) }
        let prefix = (path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path) + "."
        var numbers: [Int] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard name.hasPrefix(prefix) else { continue }
            let digits = name.dropFirst(prefix.count)
            guard digits.utf8.count <= 4, digits.utf8.allSatisfy({ ASCII.isDigit($0) }), digits.first != "0",
                let number = Int(digits)
            else { continue }
            numbers.append(number)
        }
        return numbers
    }

    /// How large the file is, and since when it is this one.
    private mutating func measure(now: Int) {
        var status = stat()
        size = fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
        begunAt = now
        guard size > 0 else { return }
        if let first = firstInstant() { begunAt = min(first, now) }
    }

    /// The time of the first line, in milliseconds since 1970: no file system is asked that may not know.
    private func firstInstant() -> Int? {
        let reading = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard reading >= 0 else { return nil }
        defer { close(reading) }
        var head = [UInt8](repeating: 0, count: 64)
        let count = read(reading, &head, head.count)
        guard count > 0 else { return nil }
        let text = String(decoding: head[..<count], as: UTF8.self)
        let bare = text.hasPrefix("{\"time\":\"") ? text.dropFirst(9) : text[...]
        let time = bare.prefix { $0 != " " && $0 != "\"" }
        return RFC3339.parse(time)?.milliseconds
    }
}
