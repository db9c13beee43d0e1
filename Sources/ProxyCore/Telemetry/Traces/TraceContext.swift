import Basics
import HTTP1

/// The number of a trace, 16 bytes.
struct TraceID: Sendable, Hashable {
    var high: UInt64
    var low: UInt64
}

/// Which trace a request belongs to (W3C Trace Context, https://www.w3.org/TR/trace-context/).
struct TraceContext: Sendable, Equatable {
    var trace: TraceID
    /// The client's span; 0: the trace begins here.
    var parent: UInt64 = 0
    var isSampled: Bool
    /// `tracestate` as it came, its lines joined.
    var state = ""

    /// A trace that begins here; whether it is sampled follows from its number.
    init(beginning trace: TraceID, share: Double) {
        self.trace = trace
        isSampled = Self.isSampled(trace, share: share)
    }

    /// The trace that a client's `traceparent` names; nil for one that the standard does not allow.
    ///
    /// Version, trace, span and flags in lower-case hexadecimal digits, `00-<32>-<16>-<2>`; a later version may have more behind
    /// another hyphen. No id is all zeros.
    init?(traceparent bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= Self.length, bytes[2] == Self.hyphen, bytes[35] == Self.hyphen, bytes[52] == Self.hyphen,
            let version = Self.number(bytes, 0..<2), version != 0xFF,
            let high = Self.number(bytes, 3..<19), let low = Self.number(bytes, 19..<35),
            let parent = Self.number(bytes, 36..<52), let flags = Self.number(bytes, 53..<55),
            high | low != 0, parent != 0
        else { return nil }
        guard bytes.count == Self.length || (version > 0 && bytes[Self.length] == Self.hyphen) else { return nil }
        trace = TraceID(high: high, low: low)
        self.parent = parent
        isSampled = flags & 1 == 1
    }

    /// Bytes of a `traceparent` of version 00.
    private static let length = 55
    private static let hyphen = UInt8(ascii: "-")

    /// nil where a byte is no digit in lower case. The range is within the bytes.
    private static func number(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> UInt64? {
        var number: UInt64 = 0
        for byte in bytes[range] {
            guard !(UInt8(ascii: "A")...UInt8(ascii: "F")).contains(byte), let digit = Hex.value(byte) else { return nil }
            number = number << 4 | UInt64(digit)
        }
        return number
    }

    /// The same answer for one trace wherever it is asked: its last 63 bits are compared with the share of all there are.
    static func isSampled(_ trace: TraceID, share: Double) -> Bool {
        guard share < 1 else { return true }
        guard share > 0 else { return false }
        return trace.low >> 1 < UInt64(share * 0x1p63)
    }

    /// The field `traceparent` for the next server, of a span here.
    func write(into head: inout HeadCursor, span: UInt64) {
        head.field("traceparent") { value in
            value.append("00-")
            value.append(hexadecimal: trace.high)
            value.append(hexadecimal: trace.low)
            value.append("-")
            value.append(hexadecimal: span)
            value.append(isSampled ? "-01" : "-00")
        }
    }
}

extension TraceID {
    var hex: String { high.hex + low.hex }
}

extension UInt64 {
    /// 16 hexadecimal digits.
    var hex: String { withUnsafeBytes(of: bigEndian) { Hex.text($0) } }
}

/// `tracestate`: up to 32 members `key=value`, each vendor's own.
enum TraceState {
    private static let mostMembers = 32
    /// The standard asks for 512 to be passed on; more is passed on as long as it is no burden.
    private static let mostBytes = 2048

    /// The members of all its lines, joined; nil where one of them is none: then the whole is worth nothing.
    static func joined(_ lines: [[UInt8]]) -> String? {
        var members: [String] = []
        var keys: Set<ArraySlice<UInt8>> = []
        var length = 0
        for line in lines {
            for part in line.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: true) {
                let member = trimmed(part)
                if member.isEmpty { continue }
                guard let equals = member.firstIndex(of: UInt8(ascii: "=")), isKey(member[..<equals]),
                    isValue(member[(equals + 1)...]), keys.insert(member[..<equals]).inserted
                else { return nil }
                length += member.count + 1
                members.append(String(decoding: member, as: UTF8.self))
            }
        }
        guard members.count <= mostMembers, length <= mostBytes else { return nil }
        return members.joined(separator: ",")
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let front = bytes.drop { $0 == 0x20 || $0 == 0x09 }
        let end = front.lastIndex { $0 != 0x20 && $0 != 0x09 }
        return end.map { front[...$0] } ?? []
    }

    private static func isKey(_ key: ArraySlice<UInt8>) -> Bool {
        guard let first = key.first, key.count <= 256, isLetterOrDigit(first) else { return false }
        return key.allSatisfy { isLetterOrDigit($0) || "_-*/@".utf8.contains($0) }
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isValue(_ value: ArraySlice<UInt8>) -> Bool {
        !value.isEmpty && value.count <= 256 && value.allSatisfy { $0 >= 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "=") }
    }
}
