/// A place in a configuration file. Lines and columns count from 1; columns count Unicode scalars.
public struct SourceLocation: Sendable, Hashable, Comparable {
    public var file: String
    public var line: Int
    public var column: Int

    public init(file: String, line: Int, column: Int) {
        self.file = file
        self.line = line
        self.column = column
    }

    public static func < (a: SourceLocation, b: SourceLocation) -> Bool {
        (a.file, a.line, a.column) < (b.file, b.line, b.column)
    }
}

/// Something to tell the author of a configuration file.
public struct Diagnostic: Sendable, Hashable, Error {
    public enum Severity: String, Sendable { case error, warning }

    public var severity: Severity
    public var location: SourceLocation
    /// Where in the document: `rules[2].tiers[0]`; empty for what concerns the whole file.
    public var path: String
    /// What is wrong and what would be right, without any secret.
    public var message: String
    /// How many columns the caret line underlines.
    public var length: Int
    /// The line of the file, for the caret; nil when it may hold a secret or there is none.
    public var sourceLine: String?

    public init(
        _ severity: Severity, at location: SourceLocation, path: String, message: String, length: Int = 1,
        sourceLine: String? = nil
    ) {
        self.severity = severity
        self.location = location
        self.path = path
        self.message = message
        self.length = max(length, 1)
        self.sourceLine = sourceLine
    }
}

extension SourceLocation: CustomStringConvertible {
    /// `proxy.yaml:12:5`.
    public var description: String { "\(file):\(line):\(column)" }
}
