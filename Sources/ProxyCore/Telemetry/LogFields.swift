/// Fields that many log lines have alike, written out once in either format.
public final class LogFields: Sendable {
    /// ` name=value`, as often as there are fields.
    let text: [UInt8]
    /// `,"name":"value"`.
    let json: [UInt8]

    /// A field without a value is left out.
    init(_ fields: [(name: StaticString, value: String)]) {
        text = Self.render(fields) { name, value, buffer in
            buffer.append(" ")
            buffer.append(name)
            buffer.append("=")
            buffer.appendValue(value, limit: RequestLines.textLimit)
        }
        json = Self.render(fields) { name, value, buffer in
            buffer.append(",\"")
            buffer.append(name)
            buffer.append("\":")
            buffer.appendQuoted(value, limit: RequestLines.textLimit)
        }
    }

    /// The fields of a client's call.
    ///
    /// - Parameters:
    ///   - client: textual IP address.
    ///   - path: what follows a `?` is never logged: a key can stand there.
    ///   - dialect: the client's, by proxy.yaml's word.
    convenience init(client: String, method: String, path: String, dialect: String) {
        typealias Key = LogKeys.Request
        self.init([
            (Key.client, client), (Key.method, method), (Key.path, String(path.prefix { $0 != "?" })), (Key.dialect, dialect),
        ])
    }

    private static func render(
        _ fields: [(name: StaticString, value: String)], _ field: (StaticString, String, inout LogBuffer) -> Void
    ) -> [UInt8] {
        var buffer = LogBuffer()
        for (name, value) in fields where !value.isEmpty { field(name, value, &buffer) }
        return Array(buffer.bytes)
    }
}

/// Where an exchange went, as its log line and its metrics name it.
public final class RouteLabels: Sendable {
    public let rule: String
    /// The tier as configured.
    public let tier: String
    public let upstream: String
    public let account: String
    let fields: LogFields

    public init(rule: String, tier: String = "", upstream: String = "", account: String = "") {
        self.rule = rule
        self.tier = tier
        self.upstream = upstream
        self.account = account
        typealias Key = LogKeys.Request
        fields = LogFields([(Key.rule, rule), (Key.tier, tier), (Key.upstream, upstream), (Key.account, account)])
    }
}
