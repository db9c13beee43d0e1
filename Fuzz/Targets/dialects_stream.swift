private let formats: [ClientDialect] = [.anthropic, .openai, .responses, .gemini]

func fuzzStream(_ input: FuzzInput) {
    let upstream = UpstreamDialect(formats[Int(input.choice) & 3])
    let client = formats[Int(input.choice >> 2) & 3]
    var context = ConversionContext(client: client, upstream: upstream, model: "m", now: 1, requestID: "r")
    context.includesUsage = input.choice & 16 != 0
    context.showsThinking = input.choice & 32 == 0
    if input.choice & 64 != 0 { context.emulatedStops = ["stop", "é"] }
    let whole = converted(input, context, [input.bytes.count])
    require(converted(input, context, [input.cut, input.bytes.count]) == whole, "cut in two it converts as it does whole")
    if input.bytes.count < 128 {
        require(converted(input, context, Array(0...input.bytes.count)) == whole, "byte by byte it converts as it does whole")
    }
    checkEvents(whole)
    let own = Array(input.bytes)
    own.withUnsafeBytes { bytes in
        if let response = try? ResponseConverter.convertWhole(bytes, context) {
            require(response.body.withUnsafeBytes { (try? JSONScan.validate($0)) != nil }, "a whole answer is JSON")
        }
    }
}

private func converted(_ input: FuzzInput, _ context: ConversionContext, _ ends: [Int]) -> [UInt8] {
    var converter = StreamConverter(context)
    var out: [UInt8] = []
    var start = 0
    for end in ends where end > start {
        _ = Array(input.bytes[start..<end]).withUnsafeBytes { converter.consume($0, into: &out) }
        start = end
    }
    _ = converter.finish(into: &out)
    require(converter.isComplete || converter.error != nil, "a stream ends well or with an error")
    return out
}

/// Everything that goes to a client is well-formed: events of JSON, or `[DONE]`.
private func checkEvents(_ stream: [UInt8]) {
    var reader = SSEReader()
    stream.withUnsafeBytes { bytes in
        reader.consume(bytes) { event in
            require(SSEReader.isDone(event.data) || (try? JSONScan.validate(event.data)) != nil, "every event is JSON")
        }
    }
}
