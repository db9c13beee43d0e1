import HTTP1

/// A page of another origin that asks, and may read the responses (the Fetch standard's CORS protocol). On the data plane alone.
struct CrossOrigin {
    /// What every response to it carries.
    let block: FieldBlock

    private static let exposed = [
        "x-request-id", "request-id", "retry-after", "x-should-retry", "x-proxyd-rule", "x-proxyd-tier", "x-proxyd-upstream",
        "x-proxyd-account", "x-proxyd-model", "x-proxyd-attempts", "x-proxyd-lossy", "x-proxyd-limit",
        "x-ratelimit-limit-requests", "x-ratelimit-limit-tokens", "x-ratelimit-remaining-requests",
        "x-ratelimit-remaining-tokens", "x-ratelimit-reset-requests", "x-ratelimit-reset-tokens",
        "anthropic-ratelimit-requests-limit", "anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset",
        "anthropic-ratelimit-tokens-limit", "anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset",
    ].joined(separator: ", ")

    /// Nil: no page of another origin asks, or it may not read.
    init?(_ request: borrowing ClientRequest, bytes: UnsafeRawBufferPointer) {
        guard request.call.isDataPlane, let origin = Self.allowedOrigin(request, bytes: bytes) else { return nil }
        var block = FieldBlock()
        block.add("access-control-allow-origin", origin)
        block.add("access-control-expose-headers", Self.exposed)
        if origin != "*" { block.add("vary", "origin") }
        self.block = block
    }

    /// What goes to others where a list says whose pages may read: a cache must not give it to those. Nil where there is no list.
    static func forOthers(_ request: borrowing ClientRequest) -> CrossOrigin? {
        guard request.call.isDataPlane, request.settings.plane != .admin, case .only = request.settings.cors else { return nil }
        return others
    }

    private static let others: CrossOrigin = {
        var block = FieldBlock()
        block.add("vary", "origin")
        return CrossOrigin(block)
    }()

    private init(_ block: FieldBlock) { self.block = block }

    /// The answer to a browser's question whether it may ask, which needs no key. Nil: this is no such question.
    static func preflight(_ request: borrowing ClientRequest, bytes: UnsafeRawBufferPointer) -> FieldBlock? {
        guard request.method == .options, request.call.isDataPlane, request.call.problem?.errorClass != .badRequest,
            let origin = allowedOrigin(request, bytes: bytes)
        else { return nil }
        var asksForMethod = false
        var askedFields: String?
        for field in request.head.fields where field.known == .accessControl {
            let name = field.name.bytes(in: bytes)
            if equalsIgnoringCase(name, "access-control-request-method") { asksForMethod = true }
            if equalsIgnoringCase(name, "access-control-request-headers") {
                // Said back as it came, if it is a list of names and no longer than one.
                let value = field.value.bytes(in: bytes)
                askedFields = value.count <= 2048 && Self.isNames(value) ? String(decoding: value, as: UTF8.self) : "*"
            }
        }
        guard asksForMethod else { return nil }
        var block = FieldBlock()
        block.add("access-control-allow-origin", origin)
        block.add("access-control-allow-methods", DataPath.methods)
        block.add("access-control-allow-headers", askedFields ?? "*")
        block.add("access-control-max-age", "7200")
        if origin != "*" { block.add("vary", "origin, access-control-request-headers") }
        return block
    }

    /// Tokens, commas and blanks (RFC 9110 §5.6.2).
    private static func isNames(_ value: UnsafeRawBufferPointer) -> Bool {
        value.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), 0x20, UInt8(ascii: ","), UInt8(ascii: "-"), UInt8(ascii: "!"),
                UInt8(ascii: "#"), UInt8(ascii: "$"),
                UInt8(ascii: "%"), UInt8(ascii: "&"), UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "."),
                UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
                true
            default: false
            }
        }
    }

    /// What `access-control-allow-origin` says to this page; nil where it may not read.
    private static func allowedOrigin(_ request: borrowing ClientRequest, bytes: UnsafeRawBufferPointer) -> String? {
        guard let origin = request.head.first(.origin), request.settings.plane != .admin else { return nil }
        switch request.settings.cors {
        case .any: return "*"
        case .none: return nil
        case .only(let origins):
            let asking = origin.string(in: bytes)
            return origins.contains(asking) ? asking : nil
        }
    }
}
