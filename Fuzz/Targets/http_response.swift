/// What a response head says, without the memory it was read from.
private struct Verdict: Equatable {
    var result: HTTPParseResult
    var status = 0
    var reason = ByteSlice.empty
    var fields: [HTTPField] = []
    var framing = BodyFraming.none
    var flags: [Bool] = []
    var byteCount = 0
}

func fuzzResponse(_ input: FuzzInput) {
    let limits = HTTPLimits(headBytes: input.choice & 1 == 0 ? 4096 : 64, fieldCount: input.choice & 2 == 0 ? 128 : 3)
    let method = input.choice & 8 == 0 ? HTTPMethod.post : .head
    let whole = parse(input, [input.bytes.count], limits, method)
    require(parse(input, [input.cut, input.bytes.count], limits, method) == whole, "cut in two it reads as it does whole")
    if input.choice & 4 == 0, input.bytes.count < 512 {
        require(parse(input, Array(0...input.bytes.count), limits, method) == whole, "byte by byte it reads as it does whole")
    }
    if case .complete = whole.result {
        require(whole.byteCount <= input.bytes.count && whole.byteCount <= limits.headBytes, "a head ends within the bytes")
        require(whole.fields.count <= limits.fieldCount, "there are no more fields than allowed")
        require(parse(input, [whole.byteCount], limits, method) == whole, "what follows a head does not change it")
        require(parse(input, [whole.byteCount - 1], limits, method).result == .incomplete, "a head without its end is incomplete")
        require((100...999).contains(whole.status), "a status has three digits")
        require(isSound(whole, input.bytes), "names are tokens, values are free of controls, all within the head")
        let hasNoBody = whole.status < 200 || whole.status == 204 || whole.status == 304 || method == .head
        require(!hasNoBody || whole.framing == .none, "what has no body is followed by none")
        require(hasNoBody || whole.framing != .none, "every other response has one")
    }
}

private func parse(_ input: FuzzInput, _ cuts: [Int], _ limits: HTTPLimits, _ method: HTTPMethod) -> Verdict {
    var parser = HTTPResponseParser(limits: limits)
    var head = HTTPResponseHead()
    for cut in cuts {
        let result = input.prefix(cut).withUnsafeBytes { parser.parse($0, request: method, into: &head) }
        switch result {
        case .incomplete: continue
        case .invalid: return Verdict(result: result)
        case .complete:
            return Verdict(
                result: result, status: head.status, reason: head.reason, fields: head.fields, framing: head.framing,
                flags: [head.keepsAlive, head.minorVersion == 1], byteCount: head.byteCount)
        }
    }
    return Verdict(result: .incomplete)
}

private func isSound(_ verdict: Verdict, _ bytes: UnsafeRawBufferPointer) -> Bool {
    verdict.reason.range.upperBound <= verdict.byteCount && !verdict.reason.bytes(in: bytes).contains(where: ByteScan.isControl)
        && verdict.fields.allSatisfy { field in
            field.name.range.upperBound < field.value.range.lowerBound + 1 && field.value.range.upperBound <= verdict.byteCount
                && !field.name.isEmpty && field.name.bytes(in: bytes).allSatisfy(ByteScan.isToken)
                && !field.value.bytes(in: bytes).contains(where: ByteScan.isControl)
        }
}
