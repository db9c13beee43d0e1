private let formats: [ClientDialect] = [.anthropic, .openai, .responses, .gemini]

func fuzzRequestConversion(_ input: FuzzInput) {
    let client = formats[Int(input.choice) & 3]
    let upstream = UpstreamDialect(formats[Int(input.choice >> 2) & 3])
    var options = ConversionOptions(requestID: "r")
    options.lossPolicy = input.choice & 16 == 0 ? .warn : .strict
    if input.choice & 32 != 0 {
        options.capabilities = .known(dialect: upstream, model: "gemini-3-claude-opus-5", isFirstParty: true)
    }
    if input.choice & 64 != 0 { options.capabilities.gemini.jsonSchemaTools = false }
    let own = Array(input.bytes)
    own.withUnsafeBytes { bytes in
        guard let first = try? RequestConverter.convert(body: bytes, from: client, to: upstream, model: "m", options: options)
        else { return }
        require(first.body.withUnsafeBytes { (try? JSONScan.validate($0)) != nil }, "a converted request is JSON")
        let second = try? RequestConverter.convert(body: bytes, from: client, to: upstream, model: "m", options: options)
        require(second?.body == first.body, "the same request converts to the same bytes")
    }
}
