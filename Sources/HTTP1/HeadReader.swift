import Basics

/// Reads the lines of one head, over any number of calls. What requests and responses have in common.
///
/// A line is judged when it is complete, never before: however the bytes arrive, the verdict is the same. The lines that
/// are done are not looked at again, and of the line that is not, only what is new, so a head that trickles in costs no
/// more than one that comes at once.
struct HeadReader: Sendable {
    enum Outcome: Sendable, Equatable {
        /// What was to be read ends before this offset.
        case read(Int)
        case starved
        case refused(HTTPViolation)
    }

    var control = ControlFields()
    var startLineIsRead = false
    /// Where the first line begins that has not been read.
    var lineStart = 0
    /// Up to here there is no end to that line; not above `lineStart` when nobody has looked yet.
    private var searched = 0

    /// Whether it is worth looking at the line again: it is new, or its end has come.
    @inline(__always)
    mutating func mayProceed(_ base: UnsafeRawPointer, end: Int) -> Bool {
        if searched <= lineStart { return true }
        if ByteScan.firstIndex(of: HTTPByte.lineFeed, base, from: searched, to: end) < end { return true }
        searched = max(searched, end)
        return false
    }

    /// Remembers that the line has not ended up to `end`.
    @inline(__always)
    mutating func starve(end: Int) -> Outcome {
        searched = end
        return .starved
    }

    /// Refuses the line at `lineStart`, once it is there to its end.
    mutating func refuse(_ violation: HTTPViolation, _ base: UnsafeRawPointer, end: Int) -> Outcome {
        guard ByteScan.firstIndex(of: HTTPByte.lineFeed, base, from: lineStart, to: end) < end else { return starve(end: end) }
        return .refused(violation)
    }

    /// Reads header lines up to and including the empty one (RFC 9112 §5).
    @inline(__always)
    mutating func readFields(
        _ base: UnsafeRawPointer, end: Int, limit: Int, into fields: inout [HTTPField]
    ) -> Outcome {
        var line = lineStart
        while line < end {
            // The end of the line is looked for first, for the next line waits for it; all else can be done meanwhile.
            let lineEnd = ByteScan.firstControl(base, from: line, to: end)
            guard lineEnd &+ 1 < end, base.loadUnaligned(fromByteOffset: lineEnd, as: UInt16.self) == HTTPByte.lineBreak else {
                lineStart = line
                return stop(base, at: lineEnd, end: end)
            }
            if lineEnd == line { return .read(lineEnd &+ 2) }
            let colon = ByteScan.firstNonToken(base, from: line, to: end)
            guard colon > line, base.byte(at: colon) == HTTPByte.colon else {
                return .refused(Self.nameViolation(base, line, colon))
            }
            var valueStart = colon &+ 1
            while valueStart < lineEnd, ByteScan.isBlank(base.byte(at: valueStart)) { valueStart &+= 1 }
            var valueEnd = lineEnd
            while valueEnd > valueStart, ByteScan.isBlank(base.byte(at: valueEnd &- 1)) { valueEnd &-= 1 }
            guard fields.count < limit else { return .refused(.tooManyFields) }
            let known = FieldName(token: base + line, count: colon &- line)
            fields.append(
                HTTPField(known: known, name: ByteSlice(from: line, to: colon), value: ByteSlice(from: valueStart, to: valueEnd)))
            if known.steersFraming {
                let value = UnsafeRawBufferPointer(start: base + valueStart, count: valueEnd &- valueStart)
                if let violation = control.note(known, value) { return .refused(violation) }
            }
            line = lineEnd &+ 2
        }
        lineStart = line
        return starve(end: end)
    }

    /// What becomes of the line at `lineStart`, which is interrupted at `place` by a control character or by the end of what is
    /// there, and not by CR LF.
    private mutating func stop(_ base: UnsafeRawPointer, at place: Int, end: Int) -> Outcome {
        if place == end || (place &+ 1 == end && base.byte(at: place) == HTTPByte.carriageReturn) {
            // Something before it may be wrong already, but the line is not there to its end.
            return starve(end: end)
        }
        let colon = ByteScan.firstNonToken(base, from: lineStart, to: end)
        let isEmpty = place == lineStart && base.byte(at: place) == HTTPByte.carriageReturn
        if !isEmpty, base.byte(at: colon) != HTTPByte.colon || colon == lineStart {
            return refuse(Self.nameViolation(base, lineStart, colon), base, end: end)
        }
        return refuse(Self.valueViolation(base, place), base, end: end)
    }

    private static func nameViolation(_ base: UnsafeRawPointer, _ line: Int, _ stop: Int) -> HTTPViolation {
        let byte = base.byte(at: stop)
        if byte == HTTPByte.lineFeed { return .bareLineBreak }
        return stop == line && ByteScan.isBlank(byte) ? .foldedField : .fieldName
    }

    private static func valueViolation(_ base: UnsafeRawPointer, _ stop: Int) -> HTTPViolation {
        let byte = base.byte(at: stop)
        return byte == HTTPByte.lineFeed || byte == HTTPByte.carriageReturn ? .bareLineBreak : .fieldValue
    }
}
