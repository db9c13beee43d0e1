/// Reads usage and model from a whole JSON answer, by scan, without a tree.
public enum BodyMeter {
    /// What the answer cost and which model gave it, as far as it says. A body that is no JSON says nothing.
    public static func usage(of body: UnsafeRawBufferPointer, dialect: Dialect) -> (usage: TokenUsage?, model: String?) {
        var tally = UsageTally()
        var model: String?
        var cursor = JSONCursor(body)
        if dialect == .gemini, (try? cursor.open(.array)) != nil {
            // The streaming method without `alt=sse` answers with an array of chunks.
            while let element = (try? cursor.nextElement()) ?? nil {
                read(body, in: element.value, dialect, &tally, &model)
            }
        } else {
            read(body, in: 0..<body.count, dialect, &tally, &model)
        }
        return (tally.usage(dialect), model)
    }

    private static func read(
        _ body: UnsafeRawBufferPointer, in range: Range<Int>, _ dialect: Dialect, _ tally: inout UsageTally,
        _ model: inout String?
    ) {
        var cursor = JSONCursor(body, in: range)
        guard (try? cursor.open(.object)) != nil else { return }
        while let member = (try? cursor.nextMember()) ?? nil {
            switch member.kind {
            case .object:
                if member.key(equals: dialect == .gemini ? "usageMetadata" : "usage", in: body) {
                    tally.merge(body, in: member.value, dialect)
                }
            case .string:
                if member.key(equals: dialect == .gemini ? "modelVersion" : "model", in: body) {
                    model = JSONScan.string(of: body, in: member.value)
                }
            case .number, .true, .false, .null, .array: continue
            }
        }
    }
}
