import Dialects
import Foundation
import Logging

/// The versions of the configuration that were saved, in the state directory: the newest fifty, a file for each.
///
/// A version is written whole under another name, and then gets its own: a crash leaves it or none. What it holds of secrets is sealed,
/// or a digest; only the owner can read it.
public actor ConfigurationHistory {
    /// So many are kept.
    public static let kept = 50

    private let directory: String
    private let sealKey: String?
    private let logger: Logger
    private var versions: [ConfigurationVersion] = []
    private var salt: String
    /// The last number that a file has, whether it can be read or not: what is damaged is nothing to write over.
    private var lastNumber: Int
    private var isFailing = false

    /// - Parameter state: the state directory.
    public init(state: String, environment: [String: String], logger: Logger) {
        directory = Self.directory(in: state)
        sealKey = environment[Seal.keyVariable].flatMap { $0.isEmpty ? nil : $0 }
        self.logger = logger
        let kept = Self.read(directory)
        versions = kept.versions
        salt = versions.last?.salt ?? Seal.makeKey()
        lastNumber = max(versions.last?.number ?? 0, kept.unreadable.compactMap(Self.number(ofFileName:)).max() ?? 0)
        guard !kept.unreadable.isEmpty else { return }
        logger.warning(
            "versions of the configuration that were kept cannot be read; they are left where they are",
            metadata: [
                LogKeys.path: "\(directory)", LogKeys.files: "\(kept.unreadable.prefix(5).joined(separator: ", "))",
                LogKeys.count: "\(kept.unreadable.count)",
            ])
    }

    public static func directory(in state: String) -> String { state + "/config-history" }

    /// What is kept in a state directory, the oldest first. What cannot be read is left out.
    public static func versions(in state: String) -> [ConfigurationVersion] { read(directory(in: state)).versions }

    /// Names of the files there that should hold a version and cannot be read.
    public static func unreadable(in state: String) -> [String] { read(directory(in: state)).unreadable }

    public var all: [ConfigurationVersion] { versions }

    public func version(_ number: Int) -> ConfigurationVersion? { versions.first { $0.number == number } }

    /// Keeps what was read of a configuration.
    ///
    /// - Returns: its number; nil where it cannot be kept, which the log says.
    func add(_ event: ReloadEvent, _ result: LoadResult) -> Int? {
        // A start with the file that ran last is no new version.
        if event.state == .started, let last = versions.last(where: \.wasWhole), last.event.hash == event.hash, last.ran {
            return last.number
        }
        if event.state == .refused, let last = versions.last, last.event.state == .refused, last.event.hash == result.hash {
            return merge(event, into: last)
        }
        let number = lastNumber + 1
        var event = event
        event.number = number
        event.hash = result.hash
        event.changes = []
        if event.why == nil, event.state != .started,
            let same = versions.last(where: { $0.wasWhole && $0.event.hash == result.hash })
        {
            event.why = "the text of version \(same.number)"
        }
        let isWhole = result.snapshot != nil
        let files = result.texts.map { $0.kept(salt: salt, sealKey: isWhole ? sealKey : nil, isWhole: isWhole) }
        let version = ConfigurationVersion(number: number, event: event, files: files, salt: salt)
        guard write(version) else { return nil }
        versions.append(version)
        lastNumber = number
        while versions.count > Self.kept { unlink(path(of: versions.remove(at: leastWanted).number)) }
        return number
    }

    /// The same text, refused once more: one version, of the last time.
    private func merge(_ event: ReloadEvent, into last: ConfigurationVersion) -> Int {
        var version = last
        version.event = event
        (version.event.number, version.event.hash, version.event.changes) = (last.number, last.event.hash, [])
        version.event.why = event.why ?? last.event.why
        versions[versions.count - 1] = version
        _ = write(version)
        return last.number
    }

    /// Which version goes first: the oldest that was refused, else the oldest that never ran, else the oldest; never the newest.
    private var leastWanted: Int {
        let others = versions.dropLast()
        return others.firstIndex { !$0.wasWhole } ?? others.firstIndex { !$0.ran } ?? 0
    }

    /// Whether everybody went by this text once.
    func ran(_ hash: String) -> Bool { versions.contains { $0.ran && $0.event.hash == hash } }

    /// What has become of a version.
    func note(_ number: Int, _ state: ReloadEvent.State, why: String?) {
        guard let index = versions.firstIndex(where: { $0.number == number }) else { return }
        versions[index].event.state = state
        versions[index].event.why = why ?? versions[index].event.why
        _ = write(versions[index])
    }

    /// Whether it can be put back with what this machine knows: the secrets that the newest version in force has too are there.
    public func canRollBack(to version: ConfigurationVersion) -> Bool {
        guard version.wasWhole else { return false }
        let running = versions.last(where: \.ran)
        let known = Set(running?.files.flatMap(\.secrets) ?? [])
        return version.missingSecrets.allSatisfy { known.contains($0.digest) }
    }

    // MARK: Files

    private func path(of number: Int) -> String { Self.path(of: number, in: directory) }

    private static func path(of number: Int, in directory: String) -> String { "\(directory)/\(fileName(of: number))" }

    private static func fileName(of number: Int) -> String {
        let digits = String(number)
        return "\(String(repeating: "0", count: max(0, 8 - digits.count)))\(digits).json"
    }

    /// Whose file this is, by its name.
    private static func number(ofFileName name: String) -> Int? {
        guard let number = Int(name.dropLast(5)), number > 0, number < .max / 2, fileName(of: number) == name else { return nil }
        return number
    }

    private func write(_ version: ConfigurationVersion) -> Bool {
        let partial = directory + "/new"
        do {
            guard mkdir(directory, 0o700) == 0 || errno == EEXIST else {
                throw StateFiles.failure(directory, "cannot be created")
            }
            unlink(partial)
            let file = try OutputFile(partial)
            try file.write(version.json.bytes)
            try file.replace(path(of: version.number), mode: 0o600)
            isFailing = false
            return true
        } catch {
            if !isFailing {
                logger.error("the history of the configuration cannot be written", metadata: [LogKeys.reason: "\(error)"])
            }
            isFailing = true
            return false
        }
    }

    private static func read(_ directory: String) -> (versions: [ConfigurationVersion], unreadable: [String]) {
        var versions: [ConfigurationVersion] = []
        var unreadable: [String] = []
        for name in StateFiles.names(in: directory) where name.hasSuffix(".json") {
            guard let data = FileManager.default.contents(atPath: "\(directory)/\(name)"), data.count <= 64 << 20,
                let json = try? JSONValue(parsing: Array(data)), let version = ConfigurationVersion(json),
                fileName(of: version.number) == name
            else {
                unreadable.append(name)
                continue
            }
            versions.append(version)
        }
        return (versions.sorted { $0.number < $1.number }, unreadable)
    }
}
