import Dialects
import Foundation
import ProxyCore

/// `GET /admin/now`: what happens, and the last hour minute by minute. It is of this process and begins with it.
struct LiveReport {
    let metrics: MetricsRegistry
    let zone: Zone
    let now: Date

    private static let minutes = 60

    func json() -> JSONValue {
        let seconds = Int(clamping: now)
        let slots = metrics.live.slots(now: seconds)
        // What is under way and the five slots before it: fifty seconds to a minute.
        let latest = sum(slots.suffix(60 / LiveFigures.slotSeconds))
        let first = seconds / 60 - Self.minutes + 1
        var minutes = (0..<Self.minutes).map { LiveFigures.Slot(number: first + $0) }
        for slot in slots {
            let place = slot.number * LiveFigures.slotSeconds / 60 - first
            if minutes.indices.contains(place) { minutes[place].add(slot) }
        }
        return [
            "now": .string(ZonedTime(zone: zone).iso(now)),
            "active_requests": .int(Int(metrics.gauge(.activeRequests).value)),
            "open_connections": .int(Int(metrics.gauge(.openConnections).value)),
            "last_minute": shape(latest),
            "minutes": .array(
                minutes.map { minute in
                    .ordered([("time", .string(ZonedTime(zone: zone).iso(seconds: minute.number * 60)))] + members(minute))
                }),
        ]
    }

    private func sum(_ slots: ArraySlice<LiveFigures.Slot>) -> LiveFigures.Slot {
        slots.reduce(into: LiveFigures.Slot(number: 0)) { $0.add($1) }
    }

    private func shape(_ slot: LiveFigures.Slot) -> JSONValue { .ordered(members(slot)) }

    private func members(_ slot: LiveFigures.Slot) -> [(String, JSONValue)] {
        [
            ("requests", .int(slot.requests)), ("errors", .int(slot.errors)), ("refused", .int(slot.refused)),
            ("input", .int(slot.input)), ("output", .int(slot.output)), ("cost_usd", .dollars(slot.costNanoDollars)),
            ("first_byte_p50_ms", .count(slot.firstByte(share: 0.5))), ("first_byte_p95_ms", .count(slot.firstByte(share: 0.95))),
        ]
    }
}
