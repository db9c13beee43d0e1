import Foundation

/// Puts a version of the configuration back where it was read, file by file.
///
/// What is written is checked before, as a start would check it. Each file is replaced by rename: whoever reads it meanwhile gets all of
/// the one text or all of the other, and so does whoever comes after a crash.
public struct Rollback: Sendable {
    public let version: ConfigurationVersion
    /// The texts of the files that are written; those that hold the text already are not.
    public let texts: [(path: String, text: String)]
    /// What a check says of them.
    public let result: LoadResult

    /// What is wrong with them, but for credentials, which systemd passes to proxyd's unit and not to a shell: whether those are
    /// there, the proxyd that takes the file over finds out.
    public var errors: [Diagnostic] { result.errors.filter { !Self.isOfCredentials($0) } }

    /// Whether credentials could not be checked here.
    public var hasUncheckedCredentials: Bool { result.errors.contains(where: Self.isOfCredentials) }

    private static func isOfCredentials(_ error: Diagnostic) -> Bool {
        error.message.contains(ReferenceResolver.noCredentials)
    }

    /// - Parameters:
    ///   - number: nil for the newest version that was in force before the file's text first was, so that nothing comes back that
    ///     was rolled back from.
    ///   - path: the main file.
    ///   - secrets: what may be in the place of secrets that were not kept.
    public init(
        to number: Int?, path: String, state: String, environment: [String: String], secrets: [String]
    ) throws(RollbackFailure) {
        let versions = ConfigurationHistory.versions(in: state)
        guard let first = versions.first, let last = versions.last else {
            throw .none(directory: ConfigurationHistory.directory(in: state))
        }
        let now = ConfigurationLoader.load(path: path, environment: environment)
        let version: ConfigurationVersion
        if let number {
            guard let known = versions.first(where: { $0.number == number }) else {
                throw .unknown(version: number, known: first.number...last.number)
            }
            version = known
        } else {
            let ran = versions.filter(\.ran)
            let first = ran.firstIndex { $0.event.hash == now.hash } ?? ran.endIndex
            guard let inForce = ran[..<first].last else { throw .nothingBefore }
            version = inForce
        }
        guard version.wasWhole else { throw .refused(version: version.number) }
        self.version = version
        let main = version.files.first?.path ?? path
        let written = now.texts.flatMap(\.writtenSecrets) + Self.inForms(secrets)
        let kept = try version.texts(environment: environment, secrets: written).map { file in
            (path: Self.rebased(file.path, from: main, to: path), text: file.text)
        }
        let known = Dictionary(kept.map { ($0.path, $0.text) }) { first, _ in first }
        result = ConfigurationLoader.load(path: path, environment: environment, texts: known)
        let strays = result.texts.map(\.path).filter { known[$0] == nil }
        guard strays.isEmpty else { throw .strays(version: version.number, files: strays) }
        let current = Dictionary(now.texts.map { ($0.path, $0.text) }) { first, _ in first }
        // What the main file includes is there before it says so.
        texts = kept.reversed().filter { current[$0.path] != $0.text }
    }

    /// Writes the files.
    public func write() throws(RollbackFailure) {
        for (path, text) in texts { try Self.replace(path, by: text) }
    }

    /// The files of a proxyd that named the main file otherwise: as a path from elsewhere.
    private static func rebased(_ file: String, from main: String, to path: String) -> String {
        guard main != path else { return file }
        if file == main { return path }
        func directory(_ path: String) -> String { path.lastIndex(of: "/").map { String(path[...$0]) } ?? "" }
        guard file.hasPrefix(directory(main)) else { return file }
        return directory(path) + file.dropFirst(directory(main).count)
    }

    /// The forms that these may have in YAML.
    private static func inForms(_ secrets: [String]) -> [String] {
        secrets.flatMap { [$0, "'\($0)'", "\"\($0)\""] }
    }

    /// Replaces it by renaming, in the directory of the file that the path leads to; its mode and owner stay.
    private static func replace(_ path: String, by text: String) throws(RollbackFailure) {
        let target = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        do {
            try OutputFile.replace(target, by: text, partial: "\(target).rollback")
        } catch {
            throw .unwritable(path: path, reason: "\(error)")
        }
        // So that the new name outlives a loss of power too.
        let directory = open(URL(fileURLWithPath: target).deletingLastPathComponent().path, O_RDONLY | O_CLOEXEC | O_DIRECTORY)
        if directory >= 0 {
            fsync(directory)
            close(directory)
        }
    }
}
