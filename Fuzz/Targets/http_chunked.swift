/// What a chunked body came to.
private struct Body: Equatable {
    var data: [UInt8] = []
    var relayed: [UInt8] = []
    var consumed = 0
    var isCanonical = true
    var hasEnded = false
    var violation: HTTPViolation?
}

func fuzzChunked(_ input: FuzzInput) {
    let bytes = Array(input.bytes)
    let whole = decode(bytes, [bytes.count])
    require(decode(bytes, [input.cut, bytes.count]) == whole, "cut in two it reads as it does whole")
    if bytes.count < 512 {
        require(decode(bytes, Array(0...bytes.count)) == whole, "byte by byte it reads as it does whole")
    }
    if whole.violation != nil { return }
    require(whole.consumed <= bytes.count, "no more is consumed than there is")
    require(whole.hasEnded || whole.consumed == bytes.count, "everything is consumed until the body ends")
    require(!whole.isCanonical || whole.relayed == Array(bytes[..<whole.consumed]), "what is canonical is passed on as it is")
    if whole.hasEnded {
        let again = decode(whole.relayed, [whole.relayed.count])
        require(again.hasEnded && again.consumed == whole.relayed.count, "what is passed on is a whole body")
        require(again.data == whole.data && again.isCanonical, "what is passed on is the same body, without extras")
    }
}

/// After a violation only the violation counts: how much was taken before it depends on the cuts.
private func decode(_ bytes: [UInt8], _ cuts: [Int]) -> Body {
    var decoder = ChunkedDecoder()
    var body = Body()
    var start = 0
    for cut in cuts {
        var rest = Array(bytes[start..<cut])
        start = cut
        while true {
            let step = rest.withUnsafeBytes { decoder.next($0) }
            let consumed: Int
            switch step {
            case .data(let range, let count):
                require(
                    range.upperBound == count && count <= rest.count, "data lies within the bytes, at the end of what is consumed"
                )
                body.data += rest[range]
                consumed = count
            case .needMore(let count):
                require(count == rest.count, "more is needed when everything is consumed")
                consumed = count
            case .end(let count):
                body.hasEnded = true
                consumed = count
            case .invalid(let violation): return Body(violation: violation)
            }
            require(consumed <= rest.count, "no more is consumed than there is")
            let omitted = decoder.omitted
            require(omitted.isEmpty || omitted.upperBound <= consumed, "what is omitted was consumed")
            body.relayed +=
                omitted.isEmpty ? rest[..<consumed] : rest[..<omitted.lowerBound] + rest[omitted.upperBound..<consumed]
            body.consumed += consumed
            body.isCanonical = decoder.isCanonical
            rest.removeFirst(consumed)
            if body.hasEnded { return body }
            if case .needMore = step { break }
        }
    }
    return body
}
