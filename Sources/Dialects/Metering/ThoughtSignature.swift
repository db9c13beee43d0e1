import Basics

/// The key `thoughtSignature` that some Anthropic-compatible servers add to a `tool_use` block (conversion.md 9.3). No client of that
/// format knows it. A call's arguments may have a key of that name too: those are the client's own and stay.
enum ThoughtSignature {
    /// Whether the key is anywhere in `bytes`, whoever's it is.
    static func stands(in bytes: UnsafeRawBufferPointer) -> Bool {
        guard let base = bytes.baseAddress else { return false }
        var index = 0
        while true {
            index = ByteSearch.quoted(base, from: index, to: bytes.count, 0x74, 0x74, 0x74)
            guard index < bytes.count else { return false }
            if ByteSearch.has("\"thoughtSignature\"", base, at: index, to: bytes.count) { return true }
            index &+= 1
        }
    }

    /// Notes what has to go of one block: the key with its value, and the comma that parted it from the members that stay.
    static func find(
        in block: Range<Int>, of bytes: UnsafeRawBufferPointer, into places: inout [Range<Int>]
    ) throws(JSONScan.Problem) {
        var cursor = JSONCursor(bytes, in: block)
        try cursor.open(.object)
        var end = cursor.position
        var isFirst = true
        var hasKept = false
        while let member = try cursor.nextMember() {
            let isForeign = member.key(equals: "thoughtSignature", in: bytes)
            let start = member.key.lowerBound - 1
            if !isFirst, isForeign || !hasKept, let comma = bytes[end..<start].firstIndex(of: 0x2C) {
                places.append(comma..<comma + 1)
            }
            if isForeign { places.append(start..<member.value.upperBound) } else { hasKept = true }
            isFirst = false
            end = member.value.upperBound
        }
    }

    /// Puts blanks in the place of the key in an event that starts a block; the event is at the end of `out`, from `start` on.
    static func redact(eventIn out: inout [UInt8], from start: Int) {
        let data = out.withUnsafeBytes { bytes -> [UInt8] in
            let event = bytes.slice(start..<bytes.count)
            return stands(in: event) ? alone(dataOf: event) : []
        }
        for place in data.withUnsafeBytes({ places(inStart: $0) }) {
            // A place may reach over a line's end: only what is data goes.
            for index in place where data[index] > 0x20 { out[start + index] = 0x20 }
        }
    }

    /// What has to go of the block that an event starts; nothing of any other event.
    private static func places(inStart data: UnsafeRawBufferPointer) -> [Range<Int>] {
        var places: [Range<Int>] = []
        var isStart = false
        var cursor = JSONCursor(data)
        do throws(JSONScan.Problem) {
            try cursor.open(.object)
            while let member = try cursor.nextMember() {
                if member.key(equals: "type", in: data) {
                    isStart = data.slice(member.value).equals("\"content_block_start\"")
                } else if member.kind == .object, member.key(equals: "content_block", in: data) {
                    try find(in: member.value, of: data, into: &places)
                }
            }
            try cursor.finish()
        } catch { return [] }
        return isStart ? places : []
    }

    /// An event's data where it is and blanks around it, so that a place in it is the same place in the event.
    private static func alone(dataOf event: UnsafeRawBufferPointer) -> [UInt8] {
        guard let base = event.baseAddress else { return [] }
        var data = [UInt8](repeating: 0x20, count: event.count)
        var start = 0
        while start < event.count {
            let end = ByteSearch.lineEnd(base, from: start, to: event.count)
            if end > start, case .data(let offset) = SSEReader.field(event.slice(start..<end)) {
                for index in start + offset..<end { data[index] = event[index] }
                if end < event.count { data[end] = 0x0A }
            }
            start = end + 1
        }
        return data
    }
}
