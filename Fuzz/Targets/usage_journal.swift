/// Whatever bytes lie in a segment of the usage journal: reading stops between two frames, goes on from there to the same end, and
/// gives numbers of which any sum can be shown. An odd choice puts checksums that fit around the bytes, to get behind them.
func fuzzUsageJournal(_ input: FuzzInput) {
    let bytes = input.choice & 1 == 0 ? Array(input.bytes) : framed(input)
    _ = name(input.bytes)
    bytes.withUnsafeBytes { bytes in
        var sum = UsageAmounts()
        var count = 0
        let (used, ending) = JournalFrames.read(bytes) { usage in
            count += 1
            require(usage.time >= 0 && usage.cost >= 0 && usage.usage.output >= 0, "no number is negative")
            sum += UsageAmounts(usage.usage, costNanoDollars: usage.cost, provenance: usage.provenance)
            if let record = usage.record() {
                var again = [UInt8](repeating: 0, count: record.maximumEncodedSize)
                let length = again.withUnsafeMutableBytes { record.encode(into: $0) }
                require(length <= again.count, "a record fits into the room it asks for")
            }
        }
        require(used <= bytes.count, "no more is used than there is")
        require((ending == .complete) == (used == bytes.count), "what is complete is used up")
        require(sum.requests == count && sum.total >= 0 && sum.costNanoDollars >= 0, "sums stop instead of wrapping round")
        var rest = 0
        let again = JournalFrames.read(UnsafeRawBufferPointer(rebasing: bytes[used...])) { _ in rest += 1 }
        require(again.used == 0 && rest == 0 && (again.ending == ending || bytes.count == used), "it stops there again")
        let half = JournalFrames.read(UnsafeRawBufferPointer(rebasing: bytes[..<min(input.cut, bytes.count)])) { _ in }
        require(half.used <= used, "a part of it holds no more than the whole")
        _ = JournalFormat.isHeader(bytes, ofSegment: 1)
        _ = JournalFormat.isOfNewerFormat(bytes)
    }
}

/// Two frames: the bytes before the cut, and those behind it.
private func framed(_ input: FuzzInput) -> [UInt8] {
    [input.bytes[..<input.cut], input.bytes[input.cut...]].flatMap { part in
        var frame = [UInt8](repeating: 0, count: JournalFormat.frameHeadSize) + part
        frame.withUnsafeMutableBytes { JournalFormat.finish(frame: $0) }
        return frame
    }
}

/// A file's name: a segment's number comes back as the name it was read from.
private func name(_ bytes: UnsafeRawBufferPointer) -> Int? {
    let text = String(decoding: bytes.prefix(40), as: UTF8.self) + ".journal"
    guard let segment = JournalFormat.segment(ofFileName: text) else { return nil }
    require(JournalFormat.fileName(ofSegment: segment) == text, "a segment has one name")
    require(JournalPosition.startOf(segment: segment).isPossible, "a segment's beginning is a place")
    return segment
}
