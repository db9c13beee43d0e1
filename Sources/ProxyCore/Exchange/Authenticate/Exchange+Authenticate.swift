import Dialects
import NIOCore

extension Exchange {
    /// Stage Authenticate: who asks, and may they from there. False: refused.
    func authenticate(_ head: borrowing HTTPRequestHead, bytes: UnsafeRawBufferPointer) -> Bool {
        let presented = PresentedCredential.find(in: head, bytes: bytes, dialect: clientDialect)
        guard let presented, !presented.isEmpty else {
            if endpoint == .local { return true }
            refusal = Refusal(
                .authentication, "no API key was given: send it as x-api-key or Authorization: Bearer", stage: "authenticate")
            return false
        }
        let connection = self.connection
        let outcome = Authenticator.authenticate(
            presented, keys: loop.keys(of: view), cache: &connection.credentials, now: LoopContext.wallClock() / 1000)
        if endpoint == .local {
            if case .granted(let key) = outcome { self.key = key }
            if case .disabled(let key) = outcome { self.key = key }
            if case .expired(let key) = outcome { self.key = key }
            return true
        }
        let policy: KeyPolicyCheck?
        switch outcome {
        case .granted(let key):
            self.key = key
            policy = connection.credentials.policy(of: key, in: view)
        case .unknown:
            refusal = Refusal(.authentication, "the API key is not known", stage: "authenticate")
            return false
        case .disabled(let key):
            self.key = key
            refusal = Refusal(.permission, "the API key is disabled", stage: "authenticate")
            return false
        case .expired(let key):
            self.key = key
            refusal = Refusal(.permission, "the API key has expired", stage: "authenticate")
            return false
        }
        self.policy = policy
        guard let policy else {
            refusal = Refusal(.permission, "the API key's policy is not configured", stage: "authenticate")
            return false
        }
        let isAllowed = policy.isOpenToAll || connection.clientRange.map { policy.allows(address: $0) } ?? false
        guard isAllowed else {
            refusal = Refusal(.permission, "the API key may not be used from this address", stage: "authenticate")
            return false
        }
        return true
    }
}

/// Where clients put their keys.
enum PresentedCredential {
    private static let bearer: StaticString = "bearer "

    /// The key that a request shows, the header native to the path first. Empty values do not count.
    static func find(
        in head: borrowing HTTPRequestHead, bytes: UnsafeRawBufferPointer, dialect: Dialect
    ) -> UnsafeRawBufferPointer? {
        var found: (native: UnsafeRawBufferPointer?, other: UnsafeRawBufferPointer?) = (nil, nil)
        for index in head.fields.indices {
            let field = head.fields[index]
            let value: UnsafeRawBufferPointer
            let isNative: Bool
            switch field.known {
            case .xApiKey:
                value = field.value.bytes(in: bytes)
                isNative = dialect == .anthropic
            case .authorization:
                let text = field.value.bytes(in: bytes)
                let prefix = bearer.utf8CodeUnitCount
                guard text.count > prefix, equalsIgnoringCase(UnsafeRawBufferPointer(rebasing: text[..<prefix]), bearer) else {
                    continue
                }
                value = trimmed(UnsafeRawBufferPointer(rebasing: text[prefix...]))
                isNative = dialect == .openai || dialect == .responses
            case .apiKey:
                value = field.value.bytes(in: bytes)
                isNative = false
            case .xGoogApiKey:
                value = field.value.bytes(in: bytes)
                isNative = dialect == .gemini
            default: continue
            }
            if value.isEmpty { continue }
            if isNative, found.native == nil { found.native = value }
            if !isNative, found.other == nil { found.other = value }
        }
        if let key = found.native ?? found.other { return key }
        guard dialect == .gemini, let query = splitTarget(head.target.bytes(in: bytes)).query else { return nil }
        // Google's own clients may put it here. It is taken, and never logged or passed on.
        return QueryString.value(of: "key", in: query)
    }
}

/// A query string by its raw parts.
enum QueryString {
    /// The raw value of the first parameter called `name`.
    static func value(of name: StaticString, in query: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        var result: UnsafeRawBufferPointer?
        forEachPart(of: query) { part in
            if result == nil, isNamed(part, name) {
                result = UnsafeRawBufferPointer(rebasing: part[(name.utf8CodeUnitCount + 1)...])
            }
        }
        return result
    }

    /// The query without the parameters called one of `names`, in any spelling that somebody may read so.
    static func removing(_ names: [StaticString], from query: UnsafeRawBufferPointer) -> [UInt8] {
        var kept: [UInt8] = []
        forEachPart(of: query) { part in
            guard !part.isEmpty, !names.contains(where: { isReadAs($0, part) }) else { return }
            if !kept.isEmpty { kept.append(UInt8(ascii: "&")) }
            kept.append(contentsOf: part)
        }
        return kept
    }

    /// Whether a lenient reader finds a parameter of this name: escapes undone, in any letters, with a value or none, behind a
    /// semicolon too.
    private static func isReadAs(_ name: StaticString, _ part: UnsafeRawBufferPointer) -> Bool {
        part.split(separator: UInt8(ascii: ";")).contains { piece in
            let raw = UnsafeRawBufferPointer(rebasing: piece.prefix { $0 != UInt8(ascii: "=") })
            if equalsIgnoringCase(raw, name) { return true }
            guard raw.contains(where: { $0 == HTTPByte.percent || $0 == UInt8(ascii: "+") }) else { return false }
            let text = percentDecoded(raw, plusIsSpace: true)
            return text.map { $0.lowercased().filter { $0 != " " } == "\(name)" } ?? true
        }
    }

    private static func isNamed(_ part: UnsafeRawBufferPointer, _ name: StaticString) -> Bool {
        let length = name.utf8CodeUnitCount
        return part.count > length && part[length] == UInt8(ascii: "=") && part.starts(with: name)
    }

    private static func forEachPart(of query: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void) {
        var start = 0
        while start <= query.count {
            let end = query[start...].firstIndex(of: UInt8(ascii: "&")) ?? query.count
            body(UnsafeRawBufferPointer(rebasing: query[start..<end]))
            start = end + 1
        }
    }
}
