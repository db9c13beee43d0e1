import Dialects
import ProxyCore

/// A message as a webhook gets it.
extension AlertBoard.Message {
    func body(_ format: Configuration.Alerts.Format, _ zone: ZonedTime) -> [UInt8] {
        shape(format, zone).bytes
    }

    private func shape(_ format: Configuration.Alerts.Format, _ zone: ZonedTime) -> JSONValue {
        switch format {
        case .generic: generic(zone)
        case .slack: ["text": .string(Self.escaped(line))]
        case .lark: ["msg_type": "text", "content": ["text": .string(line)]]
        }
    }

    private func generic(_ zone: ZonedTime) -> JSONValue {
        [
            "alert": .string(alert.kind.rawValue), "severity": .string(severity), "text": .string(text),
            "at": .string(zone.iso(seconds: at)), "labels": alert.labelShape,
        ]
    }

    private var severity: String { change == .begins ? alert.severity.rawValue : "resolved" }
    private var text: String { change == .begins ? alert.text : alert.ending }
    private var line: String { "[\(severity)] proxyd: \(text)" }

    /// The three characters that Slack reads as marks (https://api.slack.com/docs/formatting).
    private static func escaped(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            default: result.append(character)
            }
        }
        return result
    }

    /// How many messages a chat's answer says it did not take: Lark answers 200 to what it refuses, with a code.
    static func refused(_ format: Configuration.Alerts.Format) -> @Sendable ([UInt8]) -> Int {
        switch format {
        case .generic, .slack: { _ in 0 }
        case .lark: { body in ((try? JSONValue(parsing: body))?["code"]?.int ?? 0) == 0 ? 0 : 1 }
        }
    }
}

extension Alert {
    var labelShape: JSONValue { .ordered(labels.map { ($0.name, .string($0.value)) }) }
}
