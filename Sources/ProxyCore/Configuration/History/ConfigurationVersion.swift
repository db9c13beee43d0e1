import Dialects
import Foundation

/// A configuration that was saved once: what became of it, and its text.
public struct ConfigurationVersion: Sendable {
    public var number: Int
    public var event: ReloadEvent
    /// The main file first.
    public var files: [KeptText]
    var salt: String

    static let format = 1

    /// Whether its text is one that ran, or could have.
    public var wasWhole: Bool { event.state != .refused }
    /// Whether everybody went by it.
    var ran: Bool { event.state == .applied || event.state == .started }

    /// Secrets that are kept only as digests, and where they stand.
    public var missingSecrets: [(digest: String, place: String)] {
        files.filter { $0.sealed == nil }.flatMap(\.secretPlaces)
    }

    /// The texts of its files as they were.
    ///
    /// - Parameters:
    ///   - environment: for the key that they are sealed with.
    ///   - secrets: what may be in the place of a digest, as it is written in a file.
    public func texts(environment: [String: String], secrets: [String]) throws(RollbackFailure) -> [(path: String, text: String)]
    {
        let known = Dictionary(secrets.map { (KeptText.digest($0, salt: salt), $0) }) { first, _ in first }
        var texts: [(path: String, text: String)] = []
        for file in files {
            if let text = file.text(known: known) {
                texts.append((file.path, text))
                continue
            }
            guard let sealed = file.sealed else {
                throw .missing(version: number, places: file.secretPlaces.filter { known[$0.digest] == nil }.map(\.place))
            }
            do throws(Seal.Failure) {
                texts.append((file.path, try Seal.open(sealed, environment: environment).reveal()))
            } catch {
                throw .sealed(version: number, reason: "\(error)")
            }
        }
        return texts
    }
}

/// Why a version is not put back.
public enum RollbackFailure: Error, Sendable, CustomStringConvertible {
    case none(directory: String)
    case unknown(version: Int, known: ClosedRange<Int>)
    case refused(version: Int)
    case nothingBefore
    case hasErrors(version: Int)
    case missing(version: Int, places: [String])
    case sealed(version: Int, reason: String)
    case strays(version: Int, files: [String])
    case unwritable(path: String, reason: String)

    public var description: String {
        switch self {
        case .none(let directory): "no version of the configuration is kept in \(directory)"
        case .unknown(let version, let known):
            "there is no version \(version); versions \(known.lowerBound) to \(known.upperBound) are kept"
        case .refused(let version): "version \(version) was refused when it was saved; it is nothing to go back to"
        case .hasErrors(let version): "version \(version) has errors today; nothing was written"
        case .nothingBefore:
            "no version is kept that was in force before the file's; --list shows the others, to be given by number"
        case .missing(let version, let places):
            "version \(version) cannot be put back yet: its secrets were not kept (there was no \(Seal.keyVariable)): "
                + "\(places.joined(separator: ", ")); give them with --secrets FILE, one in a line, as they are to stand there"
        case .sealed(let version, let reason): "version \(version) cannot be put back: \(reason)"
        case .strays(let version, let files):
            "version \(version) had no \(files.joined(separator: ", ")), which 'include' would bring in; move it away first"
        case .unwritable(let path, let reason): "\(path) cannot be written: \(reason)"
        }
    }
}

// MARK: As a file

extension ConfigurationVersion {
    var json: JSONValue {
        var members: [(String, JSONValue)] = [
            ("format", .number("\(Self.format)")), ("number", .number("\(number)")),
            ("time", .number("\(Int(event.time.timeIntervalSince1970 * 1_000))")), ("state", .string(event.state.rawValue)),
            ("generation", .number("\(event.generation)")), ("hash", .string(event.hash)), ("summary", .string(event.summary)),
            ("salt", .string(salt)),
        ]
        if let trigger = event.trigger { members.append(("trigger", .string(trigger.rawValue))) }
        if let who = event.who { members.append(("who", .string(who))) }
        if let why = event.why { members.append(("why", .string(why))) }
        members.append(("words", .array(event.words.map { .string($0) })))
        members.append(("errors", .array(event.errors.map { .string($0.line) })))
        members.append(("files", .array(files.map(\.json))))
        return .object(JSONObject(members.map { JSONObject.Member(key: $0.0, value: $0.1) }))
    }

    init?(_ json: JSONValue) {
        guard json["format"]?.int == Self.format, let number = json["number"]?.int, (1..<1 << 48).contains(number),
            let time = json["time"]?.int,
            let state = json["state"]?.string.flatMap(ReloadEvent.State.init), let hash = json["hash"]?.string,
            let salt = json["salt"]?.string, let files = json["files"]?.array
        else { return nil }
        var event = ReloadEvent(
            at: Date(timeIntervalSince1970: Double(time) / 1_000), generation: json["generation"]?.int ?? 0, hash: hash)
        event.state = state
        event.number = number
        event.trigger = json["trigger"]?.string.flatMap(ReloadTrigger.init)
        event.who = json["who"]?.string
        event.why = json["why"]?.string
        event.summary = json["summary"]?.string ?? ""
        event.words = (json["words"]?.array ?? []).compactMap(\.string)
        event.oldErrors = (json["errors"]?.array ?? []).compactMap(\.string)
        self.number = number
        self.event = event
        self.salt = salt
        self.files = files.compactMap { KeptText($0) }
        guard self.files.count == files.count else { return nil }
    }
}

extension KeptText {
    fileprivate var json: JSONValue {
        var members: [(String, JSONValue)] = [
            ("path", .string(path)),
            (
                "parts",
                .array(
                    parts.map { part in
                        switch part {
                        case .text(let text): .string(text)
                        case .secret(let index): .number("\(index)")
                        }
                    })
            ),
            ("secrets", .array(secrets.map { .string($0) })),
        ]
        if let sealed { members.append(("sealed", .string(sealed))) }
        return .object(JSONObject(members.map { JSONObject.Member(key: $0.0, value: $0.1) }))
    }

    fileprivate init?(_ json: JSONValue) {
        guard let path = json["path"]?.string, let parts = json["parts"]?.array else { return nil }
        self.path = path
        self.parts = parts.compactMap { part in
            part.string.map { .text($0) } ?? part.int.map { .secret($0) }
        }
        secrets = (json["secrets"]?.array ?? []).compactMap(\.string)
        sealed = json["sealed"]?.string
    }
}
