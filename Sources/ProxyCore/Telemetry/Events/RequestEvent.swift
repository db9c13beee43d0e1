import Dialects

/// A request that has its row, as `events` tells of it.
public struct RequestEvent: Sendable {
    let record: UsageRecord
    let keyName: String

    /// About the bytes that it takes.
    var weight: Int {
        512 + record.question.model.utf8.count + record.question.session.utf8.count + record.question.agent.utf8.count
            + 96 * record.course.steps.count
    }

    /// One line of JSON for each, with the members that `/admin/requests` has.
    static func lines(_ events: [RequestEvent], zone: Zone) -> [UInt8] {
        var bytes: [UInt8] = []
        for event in events {
            RequestShape(zone: zone, names: [event.record.keyID: event.keyName]).json(event.record).write(to: &bytes)
            bytes.append(UInt8(ascii: "\n"))
        }
        return bytes
    }
}
