/// What a server of limits replies, cut anywhere, reads as it does whole, and what it asks for is bounded.
func fuzzRESP(_ input: FuzzInput) {
    var bounds = RESPParser.Bounds()
    if input.choice & 1 != 0 { (bounds.items, bounds.depth) = (16, 3) }
    let whole = replies([Array(input.bytes)], bounds)
    let cut = replies([Array(input.bytes[..<input.cut]), Array(input.bytes[input.cut...])], bounds)
    require(cut == whole, "cut in two it reads as it does whole")
    if input.choice & 2 == 0, input.bytes.count < 512 {
        require(replies(input.bytes.map { [$0] }, bounds) == whole, "byte by byte it reads as it does whole")
    }
    for value in whole.values {
        require(depth(value) <= bounds.depth + 1, "no reply is deeper than allowed")
        _ = (value.integer, value.text, value["mode"], value.items?.count)
        if case .error(let words) = value { _ = LimitServerTrouble(refusal: words).map { "\($0)" } }
    }
}

private struct Replies: Equatable {
    var values: [RESPValue] = []
    var isViolated = false
}

private func replies(_ pieces: [[UInt8]], _ bounds: RESPParser.Bounds) -> Replies {
    var parser = RESPParser(bounds)
    var replies = Replies()
    do throws(RESPParser.Violation) {
        for piece in pieces {
            parser.append(piece)
            while let value = try parser.next() { replies.values.append(value) }
        }
    } catch {
        replies.isViolated = true
    }
    return replies
}

private func depth(_ value: RESPValue) -> Int { 1 + (value.items?.map(depth).max() ?? 0) }
