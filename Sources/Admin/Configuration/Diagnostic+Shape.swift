import Dialects
import ProxyCore

extension Diagnostic {
    /// Its line without the directory, for those who need not know it.
    var publicLine: String {
        var bare = self
        bare.location.file = location.file.split(separator: "/").last.map(String.init) ?? location.file
        return bare.line
    }

    /// The line with a caret below what is wrong in it; nil where the line may hold a secret.
    var excerpt: String? {
        guard sourceLine != nil else { return nil }
        let lines = DiagnosticRenderer.text(self).split(separator: "\n", omittingEmptySubsequences: false)
        return lines.count > 2 ? lines.suffix(2).joined(separator: "\n") : nil
    }

    var json: JSONValue {
        [
            "severity": .string(severity.rawValue), "file": .string(location.file), "line": .int(location.line),
            "column": .int(location.column), "path": .string(path), "message": .string(message), "text": .string(line),
        ]
    }

    /// The same with the file's line and a caret below, where the line may be shown: for those who may change the file.
    var jsonWithLine: JSONValue {
        json.adding(["shown": .string(DiagnosticRenderer.text(self))])
    }
}

extension JSONValue {
    /// A warning as a diagnostic has it, of what no line of the file shows by itself: keys that are there beside those it declares.
    static func warning(ofKeys message: String) -> JSONValue {
        [
            "severity": "warning", "file": "", "line": .int(0), "column": .int(0), "path": "keys", "message": .string(message),
            "text": .string("warning: keys: \(message)"),
        ]
    }
}

extension [Diagnostic] {
    var firstError: Diagnostic? { first { $0.severity == .error } ?? first }
}
