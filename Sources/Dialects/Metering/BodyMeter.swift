/// Reads usage and model from a whole JSON answer, by scan, without a tree.
public enum BodyMeter {
    /// What the answer cost, alone: who does not want the model's name need not have it decoded.
    public static func tokens(of body: UnsafeRawBufferPointer, dialect: Dialect) -> TokenUsage? {
        read(body, dialect, naming: false).usage
    }

    /// What the answer cost and which model gave it, as far as it says. A body that is no JSON says nothing.
    public static func usage(of body: UnsafeRawBufferPointer, dialect: Dialect) -> (usage: TokenUsage?, model: String?) {
        read(body, dialect, naming: true)
    }

    private static func read(
        _ body: UnsafeRawBufferPointer, _ dialect: Dialect, naming: Bool
    ) -> (usage: TokenUsage?, model: String?) {
        var tally = UsageTally()
        var model: String?
        var cursor = JSONCursor(body)
        if dialect == .gemini, (try? cursor.open(.array)) != nil {
            // The streaming method without `alt=sse` answers with an array of chunks.
            while let element = (try? cursor.nextElement()) ?? nil {
                read(body, in: element.value, dialect, naming, &tally, &model)
            }
        } else {
            read(body, in: 0..<body.count, dialect, naming, &tally, &model)
        }
        return (tally.usage(dialect), model)
    }

    private static func read(
        _ body: UnsafeRawBufferPointer, in range: Range<Int>, _ dialect: Dialect, _ naming: Bool,
        _ tally: inout UsageTally, _ model: inout String?
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
                if naming, member.key(equals: dialect == .gemini ? "modelVersion" : "model", in: body) {
                    model = JSONScan.string(of: body, in: member.value)
                }
            case .number, .true, .false, .null, .array: continue
            }
        }
    }
}
