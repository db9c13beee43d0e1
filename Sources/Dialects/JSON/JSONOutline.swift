/// The members of an object and of the objects in it, as places in the bytes they were found in: one pass over a document whose form is
/// known, where `JSONScan.members` would pass over each object again.
public struct JSONOutline: Sendable {
    /// A member, and where the one behind it is.
    public struct Node: Sendable {
        public fileprivate(set) var member: JSONMember
        /// Behind its value's own members.
        public fileprivate(set) var end: Int
    }

    /// Each object's members behind the member that it is the value of.
    public private(set) var nodes: [Node] = []

    /// Objects that are deeper are passed over, and checked.
    private static let depth = 6

    /// Lists the members of the object that `bytes` holds, and checks the whole document on the way. A key may not be there twice in
    /// any object that is listed.
    public init(_ bytes: UnsafeRawBufferPointer) throws(JSONScan.Problem) {
        nodes.reserveCapacity(64)
        var cursor = JSONCursor(bytes)
        try cursor.open(.object)
        try list(&cursor, bytes, depth: 1)
        try cursor.finish()
    }

    /// The members of the opened object, to its end.
    private mutating func list(_ cursor: inout JSONCursor, _ bytes: UnsafeRawBufferPointer, depth: Int) throws(JSONScan.Problem) {
        let first = nodes.count
        var seen = SeenKeys()
        while let (key, isEscaped) = try cursor.nextKey() {
            guard isNew(key, isEscaped, from: first, bytes, &seen) else { throw .duplicateKey(offset: key.lowerBound) }
            let index = nodes.count
            let start = cursor.position
            guard depth < Self.depth, cursor.isAtObject else {
                let (kind, isValueEscaped) = try cursor.skipValue()
                nodes.append(
                    Node(
                        member: JSONMember(
                            key: key, value: start..<cursor.position, kind: kind, isKeyEscaped: isEscaped,
                            isValueEscaped: isValueEscaped),
                        end: index + 1))
                continue
            }
            nodes.append(
                Node(
                    member: JSONMember(
                        key: key, value: start..<start, kind: .object, isKeyEscaped: isEscaped, isValueEscaped: false),
                    end: index + 1))
            try cursor.open(.object)
            try list(&cursor, bytes, depth: depth + 1)
            cursor.leave()
            nodes[index].member.value = start..<cursor.position
            nodes[index].end = nodes.count
        }
    }

    /// What is known of an object's keys: few are looked through.
    private struct SeenKeys {
        var count = 0
        /// All of them, where there are many, or one is written with escapes.
        var all: Set<[UInt8]>?

        static let few = 24
    }

    private func isNew(
        _ key: Range<Int>, _ isEscaped: Bool, from first: Int, _ bytes: UnsafeRawBufferPointer, _ seen: inout SeenKeys
    ) -> Bool {
        seen.count += 1
        if seen.all == nil, isEscaped || seen.count > SeenKeys.few {
            var all = Set<[UInt8]>()
            var index = first
            while index < nodes.count {
                all.insert(Array(bytes.slice(nodes[index].member.key)))
                index = nodes[index].end
            }
            seen.all = all
        }
        if seen.all != nil {
            let raw = bytes.slice(key)
            return seen.all?.insert(isEscaped ? JSONText.bytes(raw) : Array(raw)).inserted ?? false
        }
        guard let base = bytes.baseAddress else { return true }
        var index = first
        while index < nodes.count {
            let known = nodes[index].member.key
            if known.count == key.count, JSONScan.equal(base, known.lowerBound, key.lowerBound, key.count) { return false }
            index = nodes[index].end
        }
        return true
    }
}
