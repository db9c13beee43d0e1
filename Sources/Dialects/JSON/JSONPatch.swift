import Basics

/// Changes to a few places of a JSON object, everything else byte for byte as it was.
public struct JSONPatch: Sendable {
    private let object: Range<Int>
    private let members: [JSONMember]
    private var isRemoved: [Bool]
    private var edits: [Edit] = []
    private var appended: [(key: String, value: [UInt8])] = []

    private struct Edit {
        var range: Range<Int>
        var bytes: [UInt8]
    }

    /// A patch of the object in `object`, whose members `JSONScan.members` listed.
    public init(object: Range<Int>, members: [JSONMember]) {
        self.object = object
        self.members = members
        isRemoved = Array(repeating: false, count: members.count)
    }

    public var isEmpty: Bool { edits.isEmpty && appended.isEmpty && !isRemoved.contains(true) }

    /// Gives the member `key` the value `json` (already JSON), where it is or else at the end of the object.
    public mutating func set(_ key: String, to json: [UInt8], in bytes: UnsafeRawBufferPointer) {
        if let index = index(of: key, in: bytes) {
            isRemoved[index] = false
            replace(members[index].value, with: json)
        } else if let index = appended.firstIndex(where: { $0.key == key }) {
            appended[index].value = json
        } else {
            appended.append((key, json))
        }
    }

    /// Gives the member `key` a string.
    public mutating func set(_ key: String, toString text: String, in bytes: UnsafeRawBufferPointer) {
        set(key, to: JSONText.quoted(text), in: bytes)
    }

    /// Gives the member `key` an integer.
    public mutating func set(_ key: String, to number: Int, in bytes: UnsafeRawBufferPointer) {
        set(key, to: Array(String(number).utf8), in: bytes)
    }

    /// Takes the member `key` out.
    public mutating func remove(_ key: String, in bytes: UnsafeRawBufferPointer) {
        appended.removeAll { $0.key == key }
        if let index = index(of: key, in: bytes) { isRemoved[index] = true }
    }

    /// Puts `json` in the place of `range`, which is inside one member's value. A later edit of the same range wins.
    public mutating func replace(_ range: Range<Int>, with json: [UInt8]) {
        edits.removeAll { $0.range.lowerBound >= range.lowerBound && $0.range.upperBound <= range.upperBound }
        edits.append(Edit(range: range, bytes: json))
    }

    /// The same for a range that no other edit touches: of thousands none looks at the others.
    public mutating func replaceUntouched(_ range: Range<Int>, toString text: String) {
        replaceUntouched(range, with: JSONText.quoted(text))
    }

    /// The same with JSON.
    public mutating func replaceUntouched(_ range: Range<Int>, with json: [UInt8]) {
        edits.append(Edit(range: range, bytes: json))
    }

    /// Where the value of the member `key` was; nil where there was none.
    public func value(of key: String, in bytes: UnsafeRawBufferPointer) -> Range<Int>? {
        index(of: key, in: bytes).map { members[$0].value }
    }

    /// What the member is called here that `meaning` makes `key` of; `key` itself where there is none.
    func name(_ key: String, in bytes: UnsafeRawBufferPointer, _ meaning: (String) -> String) -> String {
        members.lazy.map { $0.keyString(in: bytes) }.last { meaning($0) == key } ?? key
    }

    /// Lowers the integer member `key` to `cap` if it is above it. An absent one is left alone.
    public mutating func cap(_ key: String, at cap: Int, in bytes: UnsafeRawBufferPointer) {
        guard let index = index(of: key, in: bytes), members[index].kind == .number else { return }
        self.cap(members[index], at: cap, in: bytes)
    }

    /// The same for a number at any depth, be it in quotes.
    mutating func cap(_ member: JSONMember, at cap: Int, in bytes: UnsafeRawBufferPointer) {
        guard member.kind == .number || member.kind == .string else { return }
        let digits = member.kind == .string ? member.value.lowerBound + 1..<member.value.upperBound - 1 : member.value
        if let value = JSONScan.integer(of: bytes, in: digits), value <= cap { return }
        replace(member.value, with: Array(String(cap).utf8))
    }

    /// Asks an OpenAI chat upstream for usage: sets `stream_options.include_usage`, other stream options kept.
    /// - Returns: whether the client had asked for it itself.
    @discardableResult
    public mutating func includeUsage(in bytes: UnsafeRawBufferPointer) -> Bool {
        let whole = Array("{\"include_usage\":true}".utf8)
        guard let index = index(of: "stream_options", in: bytes), members[index].kind == .object else {
            set("stream_options", to: whole, in: bytes)
            return false
        }
        let range = members[index].value
        if let found = JSONScan.find("include_usage", of: bytes, in: range) {
            if found.kind == .true { return true }
            replace(found.value, with: Array("true".utf8))
            return false
        }
        // An object is here, so its brace is its first byte.
        let inner = bytes.slice(range.lowerBound + 1..<range.upperBound - 1)
        let isBare = inner.allSatisfy { $0 == 0x20 || $0 == 0x0A || $0 == 0x0D || $0 == 0x09 }
        let start = range.lowerBound + 1
        replace(start..<start, with: isBare ? Array("\"include_usage\":true".utf8) : Array("\"include_usage\":true,".utf8))
        return false
    }

    /// The patched document.
    public func apply(to bytes: UnsafeRawBufferPointer) -> [UInt8] {
        guard object.lowerBound >= 0, object.upperBound <= bytes.count, object.count >= 2 else { return Array(bytes) }
        var out: [UInt8] = []
        let added = edits.reduce(0) { $0 + $1.bytes.count } + appended.reduce(0) { $0 + $1.value.count + 40 }
        out.reserveCapacity(bytes.count + added)
        let sorted = edits.sorted { $0.range.lowerBound < $1.range.lowerBound }
        var next = 0
        out.append(contentsOf: bytes.slice(0..<object.lowerBound + 1))
        var end = object.lowerBound + 1
        var isFirst = true
        for (index, member) in members.enumerated() {
            let keyStart = member.key.lowerBound - 1
            if isRemoved[index] {
                end = member.value.upperBound
                continue
            }
            if isFirst, index > 0 {
                // What separated this member from a removed one begins with a comma that no longer separates anything.
                copySpace(before: keyStart, in: bytes, to: &out)
            } else {
                out.append(contentsOf: bytes.slice(end..<keyStart))
            }
            isFirst = false
            var copied = keyStart
            while next < sorted.count, sorted[next].range.lowerBound < member.value.lowerBound { next += 1 }
            while next < sorted.count, sorted[next].range.upperBound <= member.value.upperBound {
                if sorted[next].range.lowerBound >= copied {
                    out.append(contentsOf: bytes.slice(copied..<sorted[next].range.lowerBound))
                    out.append(contentsOf: sorted[next].bytes)
                    copied = sorted[next].range.upperBound
                }
                next += 1
            }
            out.append(contentsOf: bytes.slice(copied..<member.value.upperBound))
            end = member.value.upperBound
        }
        for (key, value) in appended {
            if !isFirst { out.append(0x2C) }
            isFirst = false
            out.append(jsonString: key)
            out.append(0x3A)
            out.append(contentsOf: value)
        }
        out.append(contentsOf: bytes.slice(end..<bytes.count))
        return out
    }

    private func copySpace(before index: Int, in bytes: UnsafeRawBufferPointer, to out: inout [UInt8]) {
        var start = index
        while start > object.lowerBound + 1, bytes[start - 1] <= 0x20 { start -= 1 }
        out.append(contentsOf: bytes.slice(start..<index))
    }

    private func index(of key: String, in bytes: UnsafeRawBufferPointer) -> Int? {
        members.firstIndex { member in
            if member.isKeyEscaped { return member.keyString(in: bytes) == key }
            return member.key.count == key.utf8.count && key.utf8.elementsEqual(bytes.slice(member.key))
        }
    }
}
