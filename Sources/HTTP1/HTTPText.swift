import Basics

// Small readings of header values and targets, on bytes, without allocation.

/// The number that decimal digits, and nothing but digits, write; nil for anything else and for what no `Int` holds.
public func parseDecimal(_ bytes: UnsafeRawBufferPointer) -> Int? {
    guard !bytes.isEmpty else { return nil }
    var number = 0
    for (index, byte) in bytes.enumerated() {
        let digit = byte &- HTTPByte.zero
        guard digit < 10 else { return nil }
        if index < 18 {
            // So many digits cannot overflow.
            number = number &* 10 &+ Int(digit)
            continue
        }
        let (shifted, overflow) = number.multipliedReportingOverflow(by: 10)
        let (sum, carry) = shifted.addingReportingOverflow(Int(digit))
        guard !overflow, !carry else { return nil }
        number = sum
    }
    return number
}

/// Whether `bytes` spell `text`, ASCII letters in any case.
@inlinable @inline(__always)
public func equalsIgnoringCase(_ bytes: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
    guard bytes.count == text.utf8CodeUnitCount else { return false }
    guard let base = bytes.baseAddress else { return true }
    // Nearly everybody writes it in lower case.
    return ByteScan.isExactly(base, text) || equalsIgnoringCase(bytes, UnsafeRawPointer(text.utf8Start))
}

@usableFromInline
func equalsIgnoringCase(_ bytes: UnsafeRawBufferPointer, _ wanted: UnsafeRawPointer) -> Bool {
    var index = 0
    while index < bytes.count {
        guard ASCII.lowercased(bytes[index]) == ASCII.lowercased(wanted.byte(at: index)) else { return false }
        index += 1
    }
    return true
}

/// Calls `body` with each member of a comma-separated list, white space around it removed, empty members left out.
@inlinable @inline(__always)
public func forEachListMember(_ bytes: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void) {
    var start = 0
    while start < bytes.count {
        var end = start
        while end < bytes.count, bytes[end] != HTTPByte.comma { end += 1 }
        let member = trimmed(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
        if !member.isEmpty { body(member) }
        start = end + 1
    }
}

/// The bytes without the spaces and tabs at both ends.
public func trimmed(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    var lower = 0
    var upper = bytes.count
    while lower < upper, ByteScan.isBlank(bytes[lower]) { lower += 1 }
    while lower < upper, ByteScan.isBlank(bytes[upper - 1]) { upper -= 1 }
    return UnsafeRawBufferPointer(rebasing: bytes[lower..<upper])
}

/// Splits a request target into its path and its query, which is what follows the first `?`; nil if there is none.
///
/// An absolute form's (`http://host/path`) scheme and authority are left out, and an empty path is `/`.
public func splitTarget(_ target: UnsafeRawBufferPointer) -> (path: UnsafeRawBufferPointer, query: UnsafeRawBufferPointer?) {
    var start = 0
    if let first = target.first, first != HTTPByte.slash, let scheme = schemeLength(target) {
        start = scheme
        while start < target.count, target[start] != HTTPByte.slash, target[start] != HTTPByte.questionMark { start += 1 }
    }
    let rest = UnsafeRawBufferPointer(rebasing: target[start...])
    let mark = rest.firstIndex(of: HTTPByte.questionMark)
    var path = UnsafeRawBufferPointer(rebasing: rest[..<(mark ?? rest.count)])
    if path.isEmpty, start > 0 { path = rootPath }
    return (path, mark.map { UnsafeRawBufferPointer(rebasing: rest[($0 + 1)...]) })
}

/// The length of `http://` or `https://` at the beginning; nil if there is neither.
public func schemeLength(_ target: UnsafeRawBufferPointer) -> Int? {
    for length in [7, 8] where target.count >= length {
        let start = UnsafeRawBufferPointer(rebasing: target[..<length])
        if length == 7 ? equalsIgnoringCase(start, "http://") : equalsIgnoringCase(start, "https://") { return length }
    }
    return nil
}

/// A path that outlives every request.
private var rootPath: UnsafeRawBufferPointer {
    let slash: StaticString = "/"
    return UnsafeRawBufferPointer(start: slash.utf8Start, count: 1)
}
