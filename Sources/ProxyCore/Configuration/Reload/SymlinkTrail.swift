import Foundation

/// The directory entries that decide what a path leads to: every symbolic link on the way, and the file itself.
///
/// Kubernetes swaps a link `..data` above the file; others link the file into another directory. Either way, what changes is
/// an entry of some directory, and those are what can be watched.
struct SymlinkTrail {
    struct Entry: Hashable {
        var directory: String
        var name: String
    }

    private(set) var entries: [Entry] = []

    /// Linux follows as many links.
    private static let maximumHops = 40

    init(_ path: String) {
        let absolute = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
        var pending = Self.components(absolute)
        var directory = "/"
        var hops = 0
        while !pending.isEmpty {
            let name = pending.removeFirst()
            if name == ".." {
                directory = Self.parent(of: directory)
                continue
            }
            let full = directory == "/" ? "/\(name)" : "\(directory)/\(name)"
            var status = stat()
            guard lstat(full, &status) == 0 else {
                // Here something would have to appear.
                entries.append(Entry(directory: directory, name: name))
                return
            }
            if status.st_mode & S_IFMT == S_IFLNK {
                entries.append(Entry(directory: directory, name: name))
                hops += 1
                guard hops <= Self.maximumHops, let target = Self.target(of: full) else { return }
                if target.hasPrefix("/") { directory = "/" }
                pending = Self.components(target) + pending
            } else if pending.isEmpty {
                entries.append(Entry(directory: directory, name: name))
            } else {
                // A directory may be replaced with all that is in it.
                entries.append(Entry(directory: directory, name: name))
                directory = full
            }
        }
    }

    private static func components(_ path: String) -> [String] {
        path.split(separator: "/").map(String.init).filter { $0 != "." }
    }

    private static func parent(of directory: String) -> String {
        guard let slash = directory.lastIndex(of: "/"), slash != directory.startIndex else { return "/" }
        return String(directory[..<slash])
    }

    private static func target(of link: String) -> String? {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = buffer.withUnsafeMutableBytes { bytes in
            bytes.bindMemory(to: CChar.self).baseAddress.map { readlink(link, $0, bytes.count) } ?? -1
        }
        return count > 0 ? String(decoding: buffer.prefix(count), as: UTF8.self) : nil
    }
}
