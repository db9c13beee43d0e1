/// Reads usage from a whole JSON answer, where it lies.
public enum BodyMeter {
    /// What the answer cost, as far as it says. A body that is no JSON says nothing.
    public static func usage(of body: UnsafeRawBufferPointer, dialect: Dialect) -> TokenUsage? {
        var tally = UsageTally()
        var cursor = JSONCursor(body)
        if dialect == .gemini, (try? cursor.open(.array)) != nil {
            // The streaming method without `alt=sse` answers with an array of chunks.
            while let element = (try? cursor.nextElement()) ?? nil { read(body, in: element.value, dialect, &tally) }
        } else {
            read(body, in: 0..<body.count, dialect, &tally)
        }
        return tally.usage(dialect)
    }

    private static func read(
        _ body: UnsafeRawBufferPointer, in range: Range<Int>, _ dialect: Dialect, _ tally: inout UsageTally
    ) {
        JSONSkim.objects(named: dialect == .gemini ? "usageMetadata" : "usage", of: body, in: range) {
            tally.merge(body, in: $0, dialect)
        }
    }
}
