/// What a request head says, without the memory it was read from.
private struct Verdict: Equatable {
    var result: HTTPParseResult
    var method = HTTPMethod.other
    var target = ByteSlice.empty
    var fields: [HTTPField] = []
    var framing = BodyFraming.none
    var flags: [Bool] = []
    var byteCount = 0
}

func fuzzRequest(_ input: FuzzInput) {
    // Small limits are met more often.
    let limits = HTTPLimits(headBytes: input.choice & 1 == 0 ? 4096 : 64, fieldCount: input.choice & 2 == 0 ? 128 : 3)
    let whole = parse(input, [input.bytes.count], limits)
    require(parse(input, [input.cut, input.bytes.count], limits) == whole, "cut in two it reads as it does whole")
    if input.choice & 4 == 0, input.bytes.count < 512 {
        require(parse(input, Array(0...input.bytes.count), limits) == whole, "byte by byte it reads as it does whole")
    }
    if case .complete = whole.result {
        require(whole.byteCount <= input.bytes.count && whole.byteCount <= limits.headBytes, "a head ends within the bytes")
        require(whole.fields.count <= limits.fieldCount, "there are no more fields than allowed")
        require(parse(input, [whole.byteCount], limits) == whole, "what follows a head does not change it")
        require(parse(input, [whole.byteCount - 1], limits).result == .incomplete, "a head without its end is incomplete")
        require(isSound(whole, input.bytes), "names are tokens, values are free of controls, all within the head")
        let lengths = whole.fields.filter { $0.known == .contentLength }.count
        let codings = whole.fields.filter { $0.known == .transferEncoding }.count
        require(lengths + codings <= 1, "at most one field says how long the body is")
        require((codings == 1) == (whole.framing == .chunked), "a body is chunked exactly if a field says so")
        require(whole.framing != .untilClose, "no request ends with its connection")
        require(whole.fields.filter { $0.known == .host }.count <= 1, "there is one host at most")
    }
}

private func parse(_ input: FuzzInput, _ cuts: [Int], _ limits: HTTPLimits) -> Verdict {
    var parser = HTTPRequestParser(limits: limits)
    var head = HTTPRequestHead()
    for cut in cuts {
        let result = input.prefix(cut).withUnsafeBytes { parser.parse($0, into: &head) }
        switch result {
        case .incomplete: continue
        case .invalid: return Verdict(result: result)
        case .complete:
            return Verdict(
                result: result, method: head.method, target: head.target, fields: head.fields, framing: head.framing,
                flags: [head.keepsAlive, head.expectsContinue, head.minorVersion == 1], byteCount: head.byteCount)
        }
    }
    return Verdict(result: .incomplete)
}

private func isSound(_ verdict: Verdict, _ bytes: UnsafeRawBufferPointer) -> Bool {
    verdict.target.range.upperBound <= verdict.byteCount && !verdict.target.isEmpty
        && verdict.target.bytes(in: bytes).allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "#") }
        && verdict.fields.allSatisfy { field in
            field.name.range.upperBound < field.value.range.lowerBound + 1 && field.value.range.upperBound <= verdict.byteCount
                && !field.name.isEmpty && field.name.bytes(in: bytes).allSatisfy(ByteScan.isToken)
                && !field.value.bytes(in: bytes).contains(where: ByteScan.isControl)
                && field.value.bytes(in: bytes).first.map(ByteScan.isBlank) != true
                && field.value.bytes(in: bytes).last.map(ByteScan.isBlank) != true
        }
}
