import Basics
import HTTP1

/// A query string by its raw parts.
enum QueryString {
    /// The raw value of the first parameter called `name`.
    static func value(of name: StaticString, in query: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        var result: UnsafeRawBufferPointer?
        forEachPart(of: query) { part in
            if result == nil, isNamed(part, name) {
                result = UnsafeRawBufferPointer(rebasing: part[(name.utf8CodeUnitCount + 1)...])
            }
        }
        return result
    }

    /// The query without the parameters called one of `names`, in any spelling that somebody may read so.
    static func removing(_ names: [StaticString], from query: UnsafeRawBufferPointer) -> [UInt8] {
        var kept: [UInt8] = []
        forEachPart(of: query) { part in
            guard !part.isEmpty, !names.contains(where: { isReadAs($0, part) }) else { return }
            if !kept.isEmpty { kept.append(UInt8(ascii: "&")) }
            kept.append(contentsOf: part)
        }
        return kept
    }

    /// Whether a lenient reader finds a parameter of this name: escapes undone, in any letters, with a value or none, behind a
    /// semicolon too.
    private static func isReadAs(_ name: StaticString, _ part: UnsafeRawBufferPointer) -> Bool {
        part.split(separator: UInt8(ascii: ";")).contains { piece in
            let raw = UnsafeRawBufferPointer(rebasing: piece.prefix { $0 != UInt8(ascii: "=") })
            if equalsIgnoringCase(raw, name) { return true }
            guard raw.contains(where: { $0 == HTTPByte.percent || $0 == UInt8(ascii: "+") }) else { return false }
            let text = PercentEncoding.decoded(raw, plusIsSpace: true)
            return text.map { $0.lowercased().filter { $0 != " " } == "\(name)" } ?? true
        }
    }

    private static func isNamed(_ part: UnsafeRawBufferPointer, _ name: StaticString) -> Bool {
        let length = name.utf8CodeUnitCount
        return part.count > length && part[length] == UInt8(ascii: "=") && part.starts(with: name)
    }

    private static func forEachPart(of query: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void) {
        var start = 0
        while start <= query.count {
            let end = query[start...].firstIndex(of: UInt8(ascii: "&")) ?? query.count
            body(UnsafeRawBufferPointer(rebasing: query[start..<end]))
            start = end + 1
        }
    }
}
