import Dialects
import Foundation
import ProxyCore

/// How the record of a request is written.
struct RequestShape {
    let zone: Zone
    /// Key id → name.
    let names: [String: String]

    func json(_ record: UsageRecord) -> JSONValue {
        .ordered([
            ("id", .string(record.requestID)), ("time", .string(ZonedTime(zone: zone).iso(seconds: record.time))),
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
                            "reason": .string($0.reason),
                        ]
                    })
            ),
            ("input", .int(record.usage.uncachedInput)), ("output", .int(record.usage.output)),
            ("cache_read", .int(record.usage.cacheRead)), ("cache_write", .int(record.usage.cacheWrite)),
            ("cache_write_1h", .int(record.usage.cacheWriteHour)), ("reasoning", .int(record.usage.reasoning)),
            ("images", .int(record.media.images)), ("audio_ms", .int(record.media.audioMilliseconds)),
            ("cost_nano", record.priced ? .int(record.cost) : .null), ("source", .string(record.provenance.source)),
            ("first_byte_ms", .count(record.course.firstByteMilliseconds)),
            ("duration_ms", .int(record.course.durationMilliseconds)),
            ("status", .int(record.course.status)), ("outcome", .string(record.course.outcome.description)),
        ])
    }
}
