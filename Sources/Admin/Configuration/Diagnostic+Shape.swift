import Dialects
import ProxyCore

extension Diagnostic {
    /// `/etc/proxyd/proxy.yaml:41:9: error: rules[2].tiers[0]: …`, as `--check-config` prints it.
    var line: String {
        var bare = self
        bare.sourceLine = nil
        return DiagnosticRenderer.text(bare)
    }

    /// The same without the directory, for those who need not know it.
    var publicLine: String {
        var bare = self
        bare.location.file = location.file.split(separator: "/").last.map(String.init) ?? location.file
        return bare.line
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

extension [Diagnostic] {
    var firstError: Diagnostic? { first { $0.severity == .error } ?? first }
}
