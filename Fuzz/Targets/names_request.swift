private let formats: [ClientDialect] = [.anthropic, .openai, .responses, .gemini]
private let bodies = [
    #"{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"Hi"}]}"#,
    #"{"model":"m","messages":[{"role":"user","content":"Hi"}]}"#,
    #"{"model":"m","input":"Hi"}"#,
    #"{"contents":[{"role":"user","parts":[{"text":"Hi"}]}]}"#,
]

/// A hostile name of a model on its way into a request: into a path by every converter, and out of a form.
func fuzzNames(_ input: FuzzInput) {
    let name = String(decoding: input.bytes, as: UTF8.self)
    let client = Int(input.choice) & 3
    let upstream = formats[Int(input.choice >> 2) & 3]
    let options = ConversionOptions(requestID: "r")
    Array(bodies[client].utf8).withUnsafeBytes { body in
        let converted = try? RequestConverter.convert(
            body: body, from: formats[client], to: UpstreamDialect(upstream), model: name, options: options)
        if let converted { isOneRequest(converted.pathSuffix, name, upstream) }
        let counted = try? TokenCounting.convert(
            body: body, from: formats[client], to: UpstreamDialect(upstream), model: name, options: options)
        if let counted { isOneRequest(counted.pathSuffix, name, upstream) }
    }
    if ModelName.problem(name) == nil {
        require(name.utf8.count <= 256, "a name that passes is short")
        require(name.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }, "a name that passes is visible")
    }
    readForms(input)
}

/// What is in the path is read back as one request by our own parser, the name as one segment.
private func isOneRequest(_ path: String, _ name: String, _ upstream: ClientDialect) {
    let wire = Array("POST \(path) HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n\r\n".utf8)
    var parser = HTTPRequestParser(limits: HTTPLimits(headBytes: 1 << 20))
    var head = HTTPRequestHead()
    let (result, target) = wire.withUnsafeBytes { bytes in
        let result = parser.parse(bytes, into: &head)
        return (result, Array(head.target.bytes(in: bytes)))
    }
    require(result == .complete && head.byteCount == wire.count, "a name makes one request")
    require(head.fields.count == 2 && head.framing == .length(0), "a name makes no lines of its own")
    require(target.elementsEqual(path.utf8), "the target is read back whole")
    guard upstream == .gemini else { return }
    let segments = target.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    require(segments.count == 4 && target.count { $0 == UInt8(ascii: ":") } == 1, "a name is one segment")
    let segment = Array(segments[3].prefix { $0 != UInt8(ascii: ":") })
    require(segment != Array(".".utf8) && segment != Array("..".utf8), "a name is no step")
    let decoded = segment.withUnsafeBytes { PercentEncoding.decoded($0) }
    require(decoded == nil || decoded == name, "a name is read back as it was")
}

/// A form's model can be put in another's place, and is then the only one.
private func readForms(_ input: FuzzInput) {
    let body = input.prefix(input.bytes.count)
    let found = body.withUnsafeBytes { bytes in
        input.choice & 64 == 0 ? try? FormModel.multipart(bytes, boundary: Array("b".utf8)) : try? FormModel.urlEncoded(bytes)
    }
    guard let form = found ?? nil else { return }
    let other = "another/model 1"
    let patched = body[..<form.range.lowerBound] + form.replacement(other) + body[form.range.upperBound...]
    let again = Array(patched).withUnsafeBytes { bytes in
        form.isURLEncoded ? try? FormModel.urlEncoded(bytes) : try? FormModel.multipart(bytes, boundary: Array("b".utf8))
    }
    require((again ?? nil)?.name == other, "a form whose model is replaced names the other one")
}
