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
    if client == .openai, upstream == .openai { passing(own, input.choice) }
    own.withUnsafeBytes { bytes in
        guard let first = try? RequestConverter.convert(body: bytes, from: client, to: upstream, model: "m", options: options)
        else { return }
        require(first.body.withUnsafeBytes { (try? JSONScan.validate($0)) != nil }, "a converted request is JSON")
        let second = try? RequestConverter.convert(body: bytes, from: client, to: upstream, model: "m", options: options)
        require(second?.body == first.body, "the same request converts to the same bytes")
    }
}

/// A Chat request that goes on in its own format, to servers with words of their own.
private func passing(_ own: [UInt8], _ choice: UInt8) {
    let models = ["mistral-large-latest", "kimi-k2.5", "deepseek-v4-pro", "minimax-m2", "qwen3-max", "grok-4"]
    let model = models[Int(choice >> 4) % models.count]
    let quirks = RequestQuirks(.known(dialect: .openai, model: model, isFirstParty: false), for: .openai, model: model)
    own.withUnsafeBytes { bytes in
        guard let patched = quirks.patched(bytes)?.body else { return }
        require(patched.withUnsafeBytes { (try? JSONScan.validate($0)) != nil }, "a request in a server's words is JSON")
        let again = patched.withUnsafeBytes { quirks.patched($0)?.body }
        require(again == nil || again == patched, "what is in a server's words stays as it is")
    }
}
