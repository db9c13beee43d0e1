/// Why PostgreSQL did not do what it was asked.
enum PostgresFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// libpq is not there.
    case library(String)
    /// Nobody answers, or the connection broke; what was asked may have happened all the same.
    case unreachable(String)
    /// No answer within so many seconds; what was asked may have happened all the same.
    case silent(seconds: Int)
    /// The server's own refusal: SQLSTATE, and its words.
    case refused(state: String, message: String)
    /// The server takes no writes.
    case readOnly
    /// The database has another encoding than UTF-8.
    case encoding(String)
    /// PostgreSQL before 14.
    case old(version: String)
    /// A newer proxyd has changed the schema in a way that this one cannot work with.
    case newerSchema(step: String)
    /// Another proxyd books under the same state: a copied state directory, or a process that has not ended.
    case inUse(node: String)
    /// What is booked there is not what this node's journal goes on from.
    case gap(booked: String, from: String)
    /// A change of a key met another node's.
    case conflict(String)

    var description: String {
        switch self {
        case .library(let reason):
            "PostgreSQL's client library \(PostgresLibrary.fileName) cannot be used (\(reason)): "
                + "install it, Debian's package is libpq5"
        case .unreachable(let reason): "PostgreSQL cannot be reached: \(reason)"
        case .silent(let seconds): "PostgreSQL has not answered for \(seconds) s"
        case .refused(let state, let message): "PostgreSQL: \(Self.hint(state))\(message) (SQLSTATE \(state))"
        case .readOnly: "PostgreSQL is a read-only replica, or its transactions are read-only: nothing can be written there"
        case .encoding(let name): "the database's encoding is \(name), and must be UTF8"
        case .old(let version): "PostgreSQL \(version) is too old: 14 or newer is needed"
        case .newerSchema(let step):
            "the store is of a newer version of proxyd (its schema has '\(step)'): run that version on this node too"
        case .inUse(let node):
            "another proxyd books under the same state (node '\(node)'): a copy of a state directory must not run beside it"
        case .gap(let booked, let from): "PostgreSQL has booked up to \(booked), and the journal goes on from \(from)"
        case .conflict(let reason): reason
        }
    }

    /// The same in a word, for those who may not see more.
    var name: String {
        switch self {
        case .library: "library_missing"
        case .unreachable(let reason):
            if ["password authentication failed", "no password supplied"].contains(where: { reason.contains($0) }) {
                "wrong_password"
            } else if ["permission denied for database", "pg_hba.conf"].contains(where: { reason.contains($0) }) {
                "permission_missing"
            } else if ["SSL", "certificate"].contains(where: { reason.contains($0) }) {
                "tls_failed"
            } else {
                "unreachable"
            }
        case .silent: "unreachable"
        case .refused("53100", _): "disk_full"
        case .refused("42501", _): "permission_missing"
        case .refused(let state, _) where Self.schemaStates.contains(state): "broken_schema"
        case .refused: "refused"
        case .readOnly: "read_only"
        case .encoding: "wrong_encoding"
        case .old: "too_old"
        case .newerSchema: "newer_schema"
        case .inUse: "in_use"
        case .gap, .conflict: "behind"
        }
    }

    /// Tables, columns and what belongs to them that are not there, are there already, or are of another type: what a migration that
    /// is half written leaves, or a backup that was put back in part.
    private static let schemaStates: Set<String> = [
        "42P01", "42P07", "42703", "42701", "42704", "42710", "42883", "42723", "42804", "42809",
    ]

    /// What the code means, where the message alone may not say it.
    private static func hint(_ state: String) -> String {
        switch state {
        case "53100": "its disk is full: "
        case "28P01", "28000": "it does not let proxyd in: "
        case "42501": "a permission is missing: "
        case "25006": "it is read-only: "
        case "3D000": "there is no such database: "
        case _ where schemaStates.contains(state): "its schema is half written, or is not what its steps say: "
        default: ""
        }
    }

    /// Whether the connection is of no further use.
    var endsConnection: Bool {
        switch self {
        case .unreachable, .silent, .readOnly, .inUse, .encoding, .old, .newerSchema, .library: true
        // 57P01–57P03: it is shut down, or crashed; 25P03 and the class 08: the connection's own end.
        case .refused(let state, _):
            state.hasPrefix("57P") || state.hasPrefix("08") || state == "25006" || state == "25P03" || state == "XX000"
        case .gap, .conflict: false
        }
    }

    /// The text in one line: the server's and the library's messages have several.
    static func line(_ text: String) -> String {
        var words: [Substring] = []
        for line in text.split(whereSeparator: \.isNewline) {
            let trimmed = line.drop { $0 == " " || $0 == "\t" }
            if !trimmed.isEmpty { words.append(trimmed) }
        }
        return words.joined(separator: "; ")
    }
}
