import Basics

extension Diagnostic {
    /// The diagnostic in one line, without the file's: `/etc/proxyd/proxy.yaml:41:9: error: rules[2].tiers[0]: …`.
    public var line: String {
        var bare = self
        bare.sourceLine = nil
        return DiagnosticRenderer.text(bare)
    }
}

/// Diagnostics as people and as programs read them.
public enum DiagnosticRenderer {
    /// `file:line:col: severity: path: message`, and below it the line with a caret where it may be shown.
    public static func text(_ diagnostic: Diagnostic) -> String {
        let path = diagnostic.path.isEmpty ? "" : "\(diagnostic.path): "
        var text = "\(diagnostic.location): \(diagnostic.severity.rawValue): \(path)\(diagnostic.message)"
        text = visible(text)
        guard let line = diagnostic.sourceLine else { return text }
        let (shown, lead, length) = excerpt(line, column: diagnostic.location.column, length: diagnostic.length)
        let number = String(diagnostic.location.line)
        let padding = String(repeating: " ", count: max(0, 5 - number.count))
        text += "\n\(padding)\(number) | \(shown)"
        text += "\n      | \(lead)^\(String(repeating: "~", count: max(0, length - 1)))"
        return text
    }

    /// One after the other, each ended by a newline.
    public static func text(_ diagnostics: [Diagnostic]) -> String {
        diagnostics.map { text($0) + "\n" }.joined()
    }

    /// `{"valid", "errors", "warnings", "diagnostics": [{"severity", "file", "line", "column", "path", "message"}], "bounds": [""]}`.
    /// - Parameter bounds: how far limits that nodes share may be off, in sentences.
    public static func json(_ diagnostics: [Diagnostic], bounds: [String] = []) -> String {
        let errors = diagnostics.count { $0.severity == .error }
        let list = diagnostics.map { diagnostic in
            SmallJSON.object([
                ("severity", .string(diagnostic.severity.rawValue)),
                ("file", .string(diagnostic.location.file)),
                ("line", .literal(String(diagnostic.location.line))),
                ("column", .literal(String(diagnostic.location.column))),
                ("path", .string(diagnostic.path)),
                ("message", .string(diagnostic.message)),
            ])
        }
        return SmallJSON.object([
            ("valid", .literal(errors == 0 ? "true" : "false")),
            ("errors", .literal(String(errors))),
            ("warnings", .literal(String(diagnostics.count - errors))),
            ("diagnostics", .array(list)),
            ("bounds", .array(bounds.map { .string($0) })),
        ]).text(.indented)
    }

    /// At most 120 columns of the line, the white space that leads to the caret, and how far it underlines.
    private static func excerpt(_ line: String, column: Int, length: Int) -> (line: String, lead: String, length: Int) {
        let scalars = Array(line.unicodeScalars)
        let target = min(max(0, column - 1), scalars.count)
        let start = target < 100 ? 0 : target - 60
        let end = min(scalars.count, start + 120)
        let mark = start > 0 ? "…" : ""
        var shown = String.UnicodeScalarView()
        shown.append(contentsOf: scalars[start..<end])
        let lead = mark.map { _ in " " }.joined() + scalars[start..<target].map(blank).joined()
        let text = mark + visible(String(shown)) + (end < scalars.count ? "…" : "")
        return (text, lead, min(length, max(1, end - target)))
    }

    /// A blank as wide as the character. A tab is a tab, so that the caret is where the terminal shows what is meant.
    private static func blank(_ scalar: Unicode.Scalar) -> String {
        scalar == "\t" ? "\t" : TerminalWidth.isWide(scalar) ? "\u{3000}" : " "
    }

    /// Control characters could steer the reader's terminal.
    private static func visible(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let isControl = scalar != "\t" && scalar.properties.generalCategory == .control
            result.append(isControl ? "\u{FFFD}" : scalar)
        }
        return String(result)
    }
}
