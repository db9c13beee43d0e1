import Foundation
import Synchronization

/// Watches directory entries with inotify, and says that it is time to look again: after an event, and every so often.
///
/// A thread of its own blocks in `poll`; it ends when `stop` is called.
final class InotifyThread: Sendable {
    enum Wake: Sendable {
        /// A watched entry was completed, moved, removed or linked.
        case event
        /// Nothing was seen; events may have been missed (network file systems, writes through another name).
        case look
    }

    /// Which entries of a directory matter; nil for all of them.
    typealias Names = Set<String>?

    private struct Watches {
        var directories: [Int32: (path: String, names: Names)] = [:]
        /// Entries that somebody writes to and has not closed, and when that was seen last.
        var written: [Entry: ContinuousClock.Instant] = [:]
        var isOpen = true
    }

    private struct Entry: Hashable {
        var watch: Int32
        /// Empty for what is watched itself.
        var name: String
    }

    private let descriptor: Int32
    /// Two ends of a socket: closing the one ends the thread.
    private let stopper: (read: Int32, write: Int32)
    private let watches = Mutex(Watches())

    /// What ends a write, or replaces an entry at once; and a mere modification, after which the file is only half written.
    private static let mask = UInt32(
        IN_CLOSE_WRITE | IN_MODIFY | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF
            | IN_MOVE_SELF | IN_ONLYDIR)
    /// Events after which an entry is no longer being written, or is another file.
    private static let ends = UInt32(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_IGNORED)

    /// nil when the system has no inotify to give; `wake` is called on the thread.
    init?(lookingEvery interval: Duration, wake: @escaping @Sendable (Wake) -> Void) {
        let descriptor = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
        guard descriptor >= 0 else { return nil }
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            close(descriptor)
            return nil
        }
        self.descriptor = descriptor
        stopper = (ends[0], ends[1])
        let milliseconds = Int32(clamping: interval.milliseconds)
        let thread = Thread { [self] in loop(milliseconds, wake) }
        thread.name = "configuration watcher"
        thread.start()
    }

    /// Replaces the set of watched directories and files. What is not there is left out.
    /// - Parameter files: watched beside the directories: they may be written through a name that is in none of them.
    func watch(_ directories: [String: Names], files: Set<String> = []) {
        watches.withLock { watches in
            guard watches.isOpen else { return }
            var fresh: [Int32: (path: String, names: Names)] = [:]
            for (path, names) in directories {
                // Added anew each time: the directory of that name may be another one by now.
                let watch = inotify_add_watch(descriptor, path, Self.mask)
                guard watch >= 0 else { continue }
                // Two paths may lead to one directory.
                if let other = fresh[watch]?.names, let names {
                    fresh[watch] = (path, other.union(names))
                } else {
                    fresh[watch] = (path, fresh[watch] == nil ? names : nil)
                }
            }
            for path in files {
                let watch = inotify_add_watch(descriptor, path, UInt32(IN_CLOSE_WRITE | IN_MODIFY))
                // Its event has no name, and matters.
                if watch >= 0, fresh[watch] == nil { fresh[watch] = (path, nil) }
            }
            for watch in watches.directories.keys where fresh[watch] == nil { _ = inotify_rm_watch(descriptor, watch) }
            watches.directories = fresh
            watches.written = watches.written.filter { fresh[$0.key.watch] != nil }
        }
    }

    /// Whether somebody has begun to write to an entry that matters, has not closed it, and did so within this time.
    /// - Parameter matters: asked with the path of what lies in a folder that is watched whole.
    func isWritten(within patience: Duration, matters: (String) -> Bool) -> Bool {
        watches.withLock { watches in
            watches.written.contains { entry, time in
                guard let (path, names) = watches.directories[entry.watch], time.duration(to: .now) < patience else {
                    return false
                }
                return names != nil || entry.name.isEmpty || matters("\(path)/\(entry.name)")
            }
        }
    }

    func stop() {
        watches.withLock { watches in
            guard watches.isOpen else { return }
            watches.isOpen = false
            close(stopper.write)
        }
    }

    private func loop(_ milliseconds: Int32, _ wake: @Sendable (Wake) -> Void) {
        defer {
            close(descriptor)
            close(stopper.read)
        }
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            var polled = [
                pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: stopper.read, events: Int16(POLLIN), revents: 0),
            ]
            let count = poll(&polled, 2, milliseconds)
            if polled[1].revents != 0 { return }
            if count == 0 { wake(.look) }
            guard count > 0 else { continue }
            let length = read(descriptor, &buffer, buffer.count)
            guard length > 0 else { continue }
            switch news(buffer.prefix(length)) {
            case .completed: wake(.event)
            case .ours: break
            // A file that is written all the time, beside what matters, does not keep this thread busy.
            case .others: usleep(10_000)
            }
        }
    }

    private enum News: Int {
        case others
        case ours
        case completed
    }

    /// The most that any event of what `read` gave says.
    private func news(_ events: ArraySlice<UInt8>) -> News {
        events.withUnsafeBytes { bytes in
            var offset = 0
            var found = News.others
            // inotify(7): wd, mask, cookie, len, then a name padded with zeros.
            while offset + 16 <= bytes.count {
                let watch = bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self)
                let mask = bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self)
                let length = Int(bytes.loadUnaligned(fromByteOffset: offset + 12, as: UInt32.self))
                let end = min(offset + 16 + length, bytes.count)
                let name = String(decoding: bytes[(offset + 16)..<end].prefix { $0 != 0 }, as: UTF8.self)
                let said = news(watch, mask, name)
                if said.rawValue > found.rawValue { found = said }
                offset = end
            }
            return found
        }
    }

    private func news(_ watch: Int32, _ mask: UInt32, _ name: String) -> News {
        if mask & UInt32(IN_Q_OVERFLOW) != 0 {
            watches.withLock { $0.written = [:] }
            return .completed
        }
        guard let (path, names) = watches.withLock({ $0.directories[watch] }) else { return .others }
        if !name.isEmpty, let names, !names.contains(name) { return .others }
        if mask & UInt32(IN_MODIFY) != 0 {
            watches.withLock { $0.written[Entry(watch: watch, name: name)] = .now }
            return name.isEmpty || names != nil ? .ours : .others
        }
        if mask & Self.ends != 0 { watches.withLock { $0.written[Entry(watch: watch, name: name)] = nil } }
        guard mask & UInt32(IN_CREATE) != 0 else { return .completed }
        // A new regular file is empty; its close says when it is written. A new link is complete.
        var status = stat()
        guard lstat("\(path)/\(name)", &status) == 0 else { return .completed }
        return status.st_mode & S_IFMT != S_IFREG || status.st_nlink > 1 ? .completed : .ours
    }
}
