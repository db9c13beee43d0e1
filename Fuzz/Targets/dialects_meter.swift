private struct MeterReading: Equatable {
    var usage: TokenUsage?
    var model: String?
    var stopReason: String?
    var error: UpstreamError?
    var isComplete: Bool
    var counted: Int
    var raised: Signals
}

func fuzzMeter(_ input: FuzzInput) {
    let dialect = ClientDialect.allCases[Int(input.choice) % ClientDialect.allCases.count]
    let whole = meter(input, dialect, [input.bytes.count])
    // A line that completes the response counts as soon as it is there; only of one-line events is that the same in every cut.
    if hasLongEvents(input.bytes) { return }
    require(meter(input, dialect, [input.cut, input.bytes.count]) == whole, "cut in two it reads as it does whole")
    if input.bytes.count < 128 {
        require(meter(input, dialect, Array(0...input.bytes.count)) == whole, "byte by byte it reads as it does whole")
    }
    let own = Array(input.bytes)
    own.withUnsafeBytes { bytes in
        let response = BodyMeter(bytes, dialect: dialect, promise: input.choice & 8 == 0 ? .response : .embeddings)
        _ = ResponseFault.read(bytes, dialect: dialect)
        if response.keepsPromise { require(bytes.contains(0x7B), "an answer is an object") }
        require(TokenEstimate.response(bytes) <= bytes.count / 4 + 1, "no more text than bytes")
        _ = ErrorBody.hasShape(bytes, of: dialect)
        _ = TokenCounting.isResponse(bytes, of: dialect)
        var echo = own + Array("sk-a-secret-of-ours".utf8)
        echo.withUnsafeMutableBytes { Redaction.mask($0, [Array("sk-a-secret-of-ours".utf8), Array(bytes.prefix(12))]) }
        require(echo.count == own.count + 19 && echo.suffix(19).allSatisfy { $0 == 0x2A }, "a known secret is blotted out")
        let error = UpstreamError.read(status: 400 + Int(input.choice), body: bytes)
        require(error.retryAfterSeconds.map { $0 >= 0 } ?? true, "no wait is negative")
        _ = RetryAfter.seconds(bytes, now: 1_700_000_000)
        var members: [JSONMember] = []
        if (try? JSONScan.members(of: bytes, into: &members)) != nil {
            require(RequestFacts(body: bytes, members: members, dialect: dialect).inputTokens > 0, "an estimate is never nothing")
        }
    }
}

private func meter(_ input: FuzzInput, _ dialect: ClientDialect, _ ends: [Int]) -> MeterReading {
    var meter = StreamMeter(dialect: dialect)
    var raised: Signals = []
    var start = 0
    for end in ends where end > start {
        let piece = Array(input.bytes[start..<end])
        raised.formUnion(piece.withUnsafeBytes { meter.consume($0) })
        start = end
    }
    raised.formUnion(meter.finish())
    return MeterReading(
        usage: meter.usage, model: meter.model, stopReason: meter.stopReason, error: meter.error, isComplete: meter.isComplete,
        counted: meter.countedOutput, raised: raised)
}

/// Whether some event has more than one line of data.
private func hasLongEvents(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var lines = 0
    var isAfterReturn = false
    var line: [UInt8] = []
    for byte in bytes {
        let isSecondHalf = isAfterReturn && byte == 0x0A
        isAfterReturn = byte == 0x0D
        guard byte == 0x0A || byte == 0x0D else {
            line.append(byte)
            continue
        }
        if isSecondHalf { continue }
        if line.starts(with: "data".utf8) || line.starts(with: [0xEF, 0xBB, 0xBF]) { lines += 1 }
        if lines > 1 { return true }
        if line.isEmpty { lines = 0 }
        line = []
    }
    return lines > 0 && line.starts(with: "data".utf8)
}
