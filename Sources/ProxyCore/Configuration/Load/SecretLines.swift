/// Which lines of a file may be shown.
///
/// The second guard: the first knows the values that are secrets, this one only sees the text, and so works where the file
/// is not even YAML.
enum SecretLines {
    /// The line, or nil when it or the one before it looks as if it held a secret.
    static func printable(_ number: Int, of source: SourceText) -> String? {
        guard let line = source.line(number), !mayHoldSecret(line) else { return nil }
        if let before = source.line(number - 1), isUnfinishedSecret(before), indentation(line) > indentation(before) {
            return nil
        }
        return line
    }

    static func mayHoldSecret(_ line: String) -> Bool {
        marks.contains { line.contains($0) } || !literals(in: line).isEmpty
    }

    /// A secret whose text may go on in the next line.
    private static func isUnfinishedSecret(_ line: String) -> Bool {
        guard let value = literals(in: line).last else { return false }
        return value.isEmpty || value.hasPrefix("|") || value.hasPrefix(">") || !"\"'},".contains(value.last ?? "\"")
    }

    /// Columns before the first key or value.
    private static func indentation(_ line: String) -> Int {
        line.prefix { $0 == " " || $0 == "-" }.count
    }

    /// What follows the names of secrets in a line, where it is no reference.
    private static func literals(in line: String) -> [Substring] {
        var found: [Substring] = []
        for name in names {
            var rest = line[...]
            while let range = rest.firstRange(of: name) {
                let before = range.lowerBound > line.startIndex ? line[line.index(before: range.lowerBound)] : " "
                rest = rest[range.upperBound...]
                guard !before.isLetter, !before.isNumber, before != "_", before != "-" else { continue }
                let afterName = rest.drop { $0 == "\"" || $0 == "'" || $0 == " " }
                guard afterName.first == ":" else { continue }
                let value = afterName.dropFirst().drop { $0 == " " || $0 == "\"" || $0 == "'" }
                if !value.hasPrefix("${") || value.hasPrefix("${") && value.prefix(while: { $0 != "}" }).contains(":-") {
                    found.append(value)
                }
            }
        }
        return found
    }

    /// Beginnings of well-known credentials.
    private static let marks = ["sk-", "AIza", "xai-", "gsk_", "Bearer ", "ghp_", "-----BEGIN"]

    /// Every key of the schema whose value is a secret.
    private static let names: [String] = Array(Set(collect(.mapping(Schema.Root.mapping)))).sorted()

    private static func collect(_ shape: Schema.Shape) -> [String] {
        switch shape {
        case .scalar, .json: []
        case .list(let item), .oneOrList(let item): collect(item)
        case .entries(let item, _): collect(item)
        case .either(let shapes): shapes.flatMap(collect)
        case .mapping(let mapping):
            mapping.keys.flatMap { key in key.shape.isSecret ? [key.name] : collect(key.shape) }
        }
    }
}
