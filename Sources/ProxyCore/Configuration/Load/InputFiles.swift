import Crypto
import Foundation

/// Reads the files of one load: each once, bounded, and remembered for the hash and the watcher.
final class InputFiles {
    struct Content {
        var bytes: [UInt8]
        /// Whether users other than owner and group may read it.
        var isWorldReadable: Bool
    }

    struct Failure: Error {
        var message: String
    }

    static let maximumBytes = 1 << 20

    /// The files in the order of reading, those that could not be read too: they may come.
    private(set) var paths: [String] = []
    private var results: [String: Result<Content, Failure>] = [:]

    private let texts: [String: String]
    /// The one file that may be a pipe; `-` is the standard input.
    private let stream: String?

    /// - Parameter texts: what files of these paths are to hold.
    init(_ texts: [String: String] = [:], stream: String? = nil) {
        self.texts = texts
        self.stream = stream
    }

    /// Whether a path names no file that is kept: the standard input, or what a shell makes of a command's output.
    static func isStream(_ path: String) -> Bool {
        if path == "-" || path.hasPrefix("/dev/") { return true }
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO
    }

    func read(_ path: String) -> Result<Content, Failure> {
        if let known = results[path] { return known }
        let result =
            texts[path].map { .success(Content(bytes: Array($0.utf8), isWorldReadable: false)) }
            ?? (path == stream ? Self.load(path == "-" ? "/dev/stdin" : path, takesPipes: true) : Self.load(path))
        results[path] = result
        paths.append(path)
        return result
    }

    /// SHA-256 of the one file, or of the lines `sha256sum` prints for all of them; hex.
    var hash: String {
        let digests = paths.compactMap { path -> (String, String)? in
            guard case .success(let content) = results[path] else { return nil }
            return (Self.hex(SHA256.hash(data: content.bytes)), path)
        }
        if digests.count == 1, let only = digests.first { return only.0 }
        let lines = digests.map { "\($0.0)  \($0.1)\n" }.joined()
        return Self.hex(SHA256.hash(data: Data(lines.utf8)))
    }

    static func hex(_ digest: SHA256Digest) -> String {
        KeyDigest(bytes: Array(digest))?.hex ?? ""
    }

    /// - Parameter takesPipes: whether it may be one, as a shell makes of a command's output, and is read to its end.
    static func load(_ path: String, takesPipes: Bool = false) -> Result<Content, Failure> {
        var status = stat()
        let isPipe = takesPipes && stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO
        // Any other FIFO must not block the load, and is refused below.
        let descriptor = open(path, isPipe ? O_RDONLY | O_CLOEXEC : O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return .failure(Failure(message: String(cString: strerror(errno)))) }
        defer { close(descriptor) }
        guard fstat(descriptor, &status) == 0 else { return .failure(Failure(message: String(cString: strerror(errno)))) }
        guard isPipe || status.st_mode & S_IFMT == S_IFREG else {
            return .failure(Failure(message: status.st_mode & S_IFMT == S_IFDIR ? "is a directory" : "is no regular file"))
        }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: min(max(Int(status.st_size), 4 << 10), 64 << 10))
        while bytes.count <= maximumBytes {
            let count = Foundation.read(descriptor, &chunk, chunk.count)
            if count == 0 {
                return .success(Content(bytes: bytes, isWorldReadable: status.st_mode & S_IROTH != 0))
            }
            guard count > 0 else {
                if errno == EINTR { continue }
                return .failure(Failure(message: String(cString: strerror(errno))))
            }
            bytes += chunk[..<count]
        }
        return .failure(Failure(message: "has more than \(maximumBytes) bytes"))
    }
}
