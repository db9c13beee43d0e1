import Basics
import Dialects

/// How the record of a request is written: in lists of requests, and in events.
public struct RequestShape: Sendable {
    private let zone: Zone
    private let names: [String: String]

    /// - Parameter names: key id → name.
    public init(zone: Zone, names: [String: String]) {
        self.zone = zone
        self.names = names
    }

    public func json(_ record: UsageRecord) -> JSONValue {
        .ordered([
            ("id", .string(record.requestID)), ("time", .string(zone.text(seconds: record.time))),
            ("key", .string(names[record.keyID] ?? record.keyID)), ("key_id", .string(record.keyID)),
            ("policy", .string(record.key.policy)), ("tags", .map(record.tags)), ("session", .string(record.question.session)),
            ("agent", .string(record.question.agent)), ("dialect", .text(record.question.dialect?.rawValue)),
            ("model_asked", .string(record.question.model)), ("model", .string(record.model)),
            ("rule", .string(record.labels.rule)), ("tier", .string(record.labels.tier)),
            ("upstream", .string(record.labels.upstream)), ("account", .string(record.labels.account)),
            (
                "attempts",
                .array(
                    record.attempts.map {
                        [
                            "tier": .string($0.tier), "account": .string($0.account), "status": .int($0.status),
                            "reason": .string($0.reason), "start_ms": .count($0.times?.start),
                            "first_byte_ms": .count($0.times?.firstByte), "duration_ms": .count($0.times?.duration),
                        ]
                    })
            ),
            ("input", .int(record.usage.uncachedInput)), ("output", .int(record.usage.output)),
            ("cache_read", .int(record.usage.cacheRead)), ("cache_write", .int(record.usage.cacheWrite)),
            ("cache_write_1h", .int(record.usage.cacheWriteHour)), ("reasoning", .int(record.usage.reasoning)),
            ("images", .int(record.media.images)), ("audio_ms", .int(record.media.audioMilliseconds)),
            ("cost_nano", .count(record.knownCost)), ("source", .string(record.provenance.source)),
            ("first_byte_ms", .count(record.course.firstByteMilliseconds)),
            ("duration_ms", .int(record.course.durationMilliseconds)),
            ("status", .int(record.course.status)), ("outcome", .string(record.course.outcome.description)),
        ])
    }
}

extension JSONValue {
    fileprivate static func text(_ value: String?) -> JSONValue { value.map(JSONValue.string) ?? .null }

    fileprivate static func count(_ value: Int?) -> JSONValue { value.map(JSONValue.int) ?? .null }

    /// Members in the order of their names.
    fileprivate static func map(_ values: [String: String]) -> JSONValue {
        ordered(values.inKeyOrder().map { ($0.key, .string($0.value)) })
    }

    fileprivate static func ordered(_ members: [(String, JSONValue)]) -> JSONValue {
        .object(JSONObject(members.map { JSONObject.Member(key: $0.0, value: $0.1) }))
    }
}
