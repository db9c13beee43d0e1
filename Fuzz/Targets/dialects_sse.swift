func fuzzSSE(_ input: FuzzInput) {
    let limit = input.choice & 1 == 0 ? 1 << 20 : 64
    let whole = events(input, [input.bytes.count], limit)
    if limit > 64 {
        require(events(input, [input.cut, input.bytes.count], limit) == whole, "cut in two it reads as it does whole")
        if input.bytes.count < 128 {
            require(events(input, Array(0...input.bytes.count), limit) == whole, "byte by byte it reads as it does whole")
        }
        require(filtered(input, [input.cut, input.bytes.count]) == filtered(input, [input.bytes.count]), "the filter too")
        require(listed(input, [input.cut, input.bytes.count]) == listed(input, [input.bytes.count]), "an array of chunks too")
    } else {
        _ = events(input, Array(0...input.bytes.count), limit)
    }
}

private func events(_ input: FuzzInput, _ ends: [Int], _ limit: Int) -> [[UInt8]] {
    var reader = SSEReader(maxEventBytes: limit)
    var seen: [[UInt8]] = []
    let show: (SSEEvent) -> Void = { event in seen.append(Array(event.name) + [0x7C] + Array(event.data)) }
    var start = 0
    for end in ends where end > start {
        Array(input.bytes[start..<end]).withUnsafeBytes { reader.consume($0, show) }
        start = end
    }
    reader.finish(show)
    return seen
}

private func listed(_ input: FuzzInput, _ ends: [Int]) -> [UInt8] {
    var list = GeminiChunkList()
    var (out, events): ([UInt8], [UInt8]) = ([], [])
    var start = 0
    for end in ends where end > start {
        Array(input.bytes[start..<end]).withUnsafeBytes { list.consume($0, into: &out, events: &events) }
        start = end
    }
    list.release(into: &out)
    return out + events
}

private func filtered(_ input: FuzzInput, _ ends: [Int]) -> [UInt8] {
    var filter = UsageChunkFilter()
    var out: [UInt8] = []
    var start = 0
    for end in ends where end > start {
        Array(input.bytes[start..<end]).withUnsafeBytes { bytes in
            var replaced: [UInt8] = []
            if filter.consume(bytes, into: &replaced) { out += bytes } else { out += replaced }
        }
        start = end
    }
    filter.finish(into: &out)
    return out
}
