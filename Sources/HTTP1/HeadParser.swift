/// A head that `HeadParser` fills: how its first line is read, and what its header lines come to.
protocol ParsableHead: ~Copyable, HTTPHead {
    /// What has to be known besides the bytes.
    associatedtype Question

    /// Why a first line is refused that does not end within the limit.
    static var endlessFirstLine: HTTPViolation { get }

    /// Reads the first line, from `reader.lineStart` on.
    mutating func readFirstLine(_ reader: inout HeadReader, _ base: UnsafeRawPointer, end: Int) -> HeadReader.Outcome

    /// Takes over what the header lines say together; nil unless that makes no sense.
    mutating func conclude(_ control: ControlFields, _ question: Question) -> HTTPViolation?
}

/// Reads heads of one kind, one after the other, from the bytes of a connection (RFC 9112, strictly: what can be read in two
/// ways is refused). Requests and responses differ in their first line and in the conclusions; all else is here.
struct HeadParser<Head: ParsableHead & ~Copyable>: Sendable {
    private var limits: HTTPLimits
    private var reader = HeadReader()

    init(limits: HTTPLimits) {
        self.limits = limits
    }

    /// Other limits, from the next head on.
    mutating func expectHead(_ limits: HTTPLimits) {
        self.limits = limits
        reader = HeadReader()
    }

    @inline(__always)
    mutating func parse(_ bytes: UnsafeRawBufferPointer, _ question: Head.Question, into head: inout Head) -> HTTPParseResult {
        let end = min(bytes.count, limits.headBytes)
        guard let base = bytes.baseAddress, end > 0 else { return .incomplete }
        let outcome = advance(base, end: end, &head)
        if case .starved = outcome, bytes.count < limits.headBytes { return .incomplete }
        let (control, firstLineIsRead) = (reader.control, reader.startLineIsRead)
        reader = HeadReader()
        switch outcome {
        case .read(let byteCount):
            head.byteCount = byteCount
            head.keepsAlive = control.keepsAlive(minorVersion: head.minorVersion)
            return head.conclude(control, question).map { .invalid($0) } ?? .complete
        case .starved: return .invalid(firstLineIsRead ? .headTooLarge : Head.endlessFirstLine)
        case .refused(let violation): return .invalid(violation)
        }
    }

    @inline(__always)
    private mutating func advance(_ base: UnsafeRawPointer, end: Int, _ head: inout Head) -> HeadReader.Outcome {
        guard reader.mayProceed(base, end: end) else { return .starved }
        if !reader.startLineIsRead {
            head.reset()
            let outcome = head.readFirstLine(&reader, base, end: end)
            guard case .read(let next) = outcome else { return outcome }
            reader.lineStart = next
            reader.startLineIsRead = true
        }
        return reader.readFields(base, end: end, limit: limits.fieldCount, into: &head.fields)
    }
}
