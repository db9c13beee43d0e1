import Foundation
import Logging
import Synchronization

/// Notices that a configuration's files were replaced, in whatever way, and says so once they are whole.
///
/// An event is only a reason to look. What counts is the content: it must be other than what was read last, and the same twice,
/// `quietPeriod` apart. Without an event it looks every `interval` all the same, and then trusts only what nobody wrote to for a while.
public final class FileWatcher: Sendable {
    private let inputs: Published<WatchedInputs>
    private let onChange: @Sendable () async -> Void
    private let quietPeriod: Duration
    private let interval: Duration
    private let logger: Logger
    /// How many times a file may be written anew with the same text before that counts as whole.
    private static let maximumRewrites = 40
    /// How long a writer is waited for that pauses with the file open; the end of a write is an event.
    private static let patience = Duration.seconds(20)

    private let eventSeen = Atomic<Bool>(false)

    /// `inputs` may change at any time; what is new in it counts as changed.
    public init(
        inputs: Published<WatchedInputs>, quietPeriod: Duration = .milliseconds(150), interval: Duration = .seconds(10),
        logger: Logger,
        onChange: @escaping @Sendable () async -> Void
    ) {
        self.inputs = inputs
        self.quietPeriod = quietPeriod
        self.interval = interval
        self.logger = logger
        self.onChange = onChange
    }

    /// Watches until the task is cancelled.
    public func run() async {
        let (wakes, waker) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let thread = InotifyThread(lookingEvery: interval) { [weak self] wake in
            if wake == .event { self?.eventSeen.store(true, ordering: .releasing) }
            waker.yield()
        }
        guard let thread else {
            logger.warning("no inotify; the configuration is looked at in intervals", metadata: [LogKeys.error: "\(errno)"])
            return await lookInIntervals()
        }
        defer { thread.stop() }
        // What happened between the program's load and now; a load that finds nothing new is no reload.
        var known = Known()
        thread.watch(directories(), files: inputs.current.files)
        eventSeen.store(true, ordering: .releasing)
        waker.yield()
        for await _ in wakes {
            let isEvent = eventSeen.exchange(false, ordering: .acquiring)
            thread.watch(directories(), files: inputs.current.files)
            await look(isEvent ? .event : .look, &known) { [inputs] in
                thread.isWritten(within: Self.patience) { inputs.current.holds($0) }
            }
            // What the change brought in is watched from here on; had it changed before, the next look would see it.
            thread.watch(directories(), files: inputs.current.files)
            if inputs.current.changes(since: known) {
                eventSeen.store(true, ordering: .releasing)
                waker.yield()
            }
        }
    }

    private func lookInIntervals() async {
        var known = Known()
        while !Task.isCancelled {
            await look(.look, &known) { false }
            try? await Task.sleep(for: interval)
        }
    }

    /// What was read last, as far as this watcher knows.
    struct Known {
        var contents: [String: String] = [:]
        var otherReads = 0
    }

    /// - Parameter isWritten: whether somebody is in the midst of a write: its end is one more reason to look.
    private func look(_ wake: InotifyThread.Wake, _ known: inout Known, isWritten: () -> Bool) async {
        guard inputs.current.changes(since: known) else { return }
        // Asked before the contents are looked at: a read that comes after is one more reason to look.
        var otherReads = inputs.current.otherReads
        var seen = inputs.current.contents()
        var stamps = inputs.current.stamps()
        for attempt in 1... {
            guard (try? await Task.sleep(for: quietPeriod)) != nil, !isWritten() else { return }
            let (before, stampsBefore) = (seen, stamps)
            otherReads = inputs.current.otherReads
            seen = inputs.current.contents()
            stamps = inputs.current.stamps()
            // The same text written twice was written in between, unless somebody writes it for ever.
            let isSame = seen == before && (stamps == stampsBefore || attempt > Self.maximumRewrites)
            // A writer may pause; without the event that ends a write, only time tells.
            let isQuiet = wake == .event || inputs.current.wereUntouched(for: 2)
            if isSame, isQuiet { break }
        }
        guard inputs.current.changes(since: known) else { return }
        known = Known(contents: seen, otherReads: otherReads)
        await onChange()
    }

    /// Each directory to watch, and the entries in it that matter.
    private func directories() -> [String: InotifyThread.Names] {
        let inputs = inputs.current
        let globs = inputs.patterns.map(GlobFolders.init)
        var directories: [String: InotifyThread.Names] = [:]
        // The folder of a glob may go and come back as a file may.
        for path in Array(inputs.files) + globs.map(\.first) {
            for entry in SymlinkTrail(path).entries {
                let names: InotifyThread.Names = directories[entry.directory] ?? []
                directories[entry.directory] = .some(names?.union([entry.name]))
            }
        }
        for folder in globs.flatMap(\.all) { directories[folder] = .some(nil) }
        return directories
    }
}

/// The folders in which files may come to match a glob.
private struct GlobFolders {
    /// The one whose name is written out; those under it may come and go.
    let first: String
    let all: [String]

    init(_ pattern: String) {
        let parts = pattern.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        let plain = parts.prefix { part in !part.contains { "*?[".contains($0) } }
        func path(_ count: Int) -> String {
            let path = parts.prefix(count).joined(separator: "/")
            return path.isEmpty ? (pattern.hasPrefix("/") ? "/" : ".") : path
        }
        let first = path(plain.count)
        self.first = first
        all = [first] + (plain.count..<parts.count).flatMap { ConfigurationFiles.expand(path($0 + 1)) }
    }
}

extension WatchedInputs {
    /// What each file holds now, by a digest, and which files the globs name.
    func contents() -> [String: String] {
        var contents: [String: String] = [:]
        for file in files {
            let input = InputFiles()
            switch input.read(file) {
            case .success: contents[file] = input.hash
            case .failure(let failure): contents[file] = "! \(failure.message)"
            }
        }
        for pattern in patterns { contents["* \(pattern)"] = ConfigurationFiles.expand(pattern).joined(separator: "\n") }
        return contents
    }

    /// Which file each path leads to, how long it is and when it was written.
    func stamps() -> [String: String] {
        var stamps: [String: String] = [:]
        for file in files {
            var status = stat()
            guard stat(file, &status) == 0 else { continue }
            stamps[file] =
                "\(status.st_dev) \(status.st_ino) \(status.st_size) \(status.st_mtim.tv_sec) \(status.st_mtim.tv_nsec)"
        }
        return stamps
    }

    func changes(since known: FileWatcher.Known) -> Bool {
        otherReads != known.otherReads || contents().contains { known.contents[$0.key] != $0.value }
    }

    /// Whether the path, of a folder that a glob names, is of the configuration.
    func holds(_ path: String) -> Bool {
        let path = path.hasPrefix("./") ? String(path.dropFirst(2)) : path
        let name = path.split(separator: "/").last ?? ""
        return patterns.contains { fnmatch($0, path, 0) == 0 } || files.contains { $0 == name || $0.hasSuffix("/\(name)") }
    }

    /// Whether no file was written to for so many seconds, as far as its time of modification tells.
    func wereUntouched(for seconds: Double) -> Bool {
        let now = Date().timeIntervalSince1970
        return files.allSatisfy { file in
            var status = stat()
            guard stat(file, &status) == 0 else { return true }
            let age = now - Double(status.st_mtim.tv_sec) - Double(status.st_mtim.tv_nsec) / 1e9
            return age < 0 || age >= seconds
        }
    }
}
