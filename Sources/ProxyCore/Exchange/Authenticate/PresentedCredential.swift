import Dialects
import HTTP1

/// Where clients put their keys.
enum PresentedCredential {
    private static let bearer: StaticString = "bearer "

    /// The key that is shown for proxyd alone, `x-proxyd-key`: then what else is shown is the client's login elsewhere.
    static func own(in head: borrowing HTTPRequestHead, bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        for index in head.fields.indices where head.fields[index].known == .proxyd {
            let field = head.fields[index]
            guard equalsIgnoringCase(field.name.bytes(in: bytes), "x-proxyd-key") else { continue }
            let value = trimmed(field.value.bytes(in: bytes))
            if !value.isEmpty { return value }
        }
        return nil
    }

    /// The client's key where an admin's is shown too: what is in `Authorization` is the admin's, unless that stands in
    /// `x-admin-key`.
    static func besideAdmin(
        in head: borrowing HTTPRequestHead, bytes: UnsafeRawBufferPointer, dialect: ClientDialect
    ) -> UnsafeRawBufferPointer? {
        var others: UnsafeRawBufferPointer?
        for index in head.fields.indices {
            let field = head.fields[index]
            switch field.known {
            case .xApiKey, .apiKey, .xGoogApiKey: if others == nil { others = field.value.bytes(in: bytes) }
            case .other where equalsIgnoringCase(field.name.bytes(in: bytes), "x-admin-key"):
                return find(in: head, bytes: bytes, dialect: dialect)
            default: continue
            }
        }
        if let key = own(in: head, bytes: bytes) ?? others { return key }
        guard dialect == .gemini, let query = splitTarget(head.target.bytes(in: bytes)).query else { return nil }
        return QueryString.value(of: "key", in: query)
    }

    /// The key that a request shows: `x-proxyd-key`, else the header native to the path first. Empty values do not count.
    static func find(
        in head: borrowing HTTPRequestHead, bytes: UnsafeRawBufferPointer, dialect: ClientDialect
    ) -> UnsafeRawBufferPointer? {
        if let own = own(in: head, bytes: bytes) { return own }
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

    /// Whether two lines of one name show different keys: a server before this one may go by the other. Those of different names have
    /// an order; beside `x-proxyd-key` the others are a login elsewhere.
    static func isAmbiguous(in head: borrowing HTTPRequestHead, bytes: UnsafeRawBufferPointer) -> Bool {
        var seen: UInt8 = 0
        for index in head.fields.indices {
            let mark: UInt8
            switch head.fields[index].known {
            case .xApiKey: mark = 1
            case .authorization: mark = 2
            case .apiKey: mark = 4
            case .xGoogApiKey: mark = 8
            case .proxyd: mark = 16
            default: continue
            }
            // Nearly always each is there once.
            if seen & mark != 0, differs(index, in: head, bytes: bytes) { return true }
            seen |= mark
        }
        return false
    }

    /// Whether a field shows another key than one before it that has its name.
    private static func differs(_ index: Int, in head: borrowing HTTPRequestHead, bytes: UnsafeRawBufferPointer) -> Bool {
        let field = head.fields[index]
        guard let value = key(in: field, bytes) else { return false }
        for earlier in head.fields[..<index] where earlier.known == field.known {
            guard let other = key(in: earlier, bytes) else { continue }
            if !other.elementsEqual(value) { return field.known == .proxyd || own(in: head, bytes: bytes) == nil }
        }
        return false
    }

    private static func key(in field: HTTPField, _ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        var value = trimmed(field.value.bytes(in: bytes))
        switch field.known {
        case .authorization:
            let prefix = bearer.utf8CodeUnitCount
            guard value.count > prefix, equalsIgnoringCase(UnsafeRawBufferPointer(rebasing: value[..<prefix]), bearer) else {
                return nil
            }
            value = trimmed(UnsafeRawBufferPointer(rebasing: value[prefix...]))
        case .proxyd: guard equalsIgnoringCase(field.name.bytes(in: bytes), "x-proxyd-key") else { return nil }
        default: break
        }
        return value.isEmpty ? nil : value
    }
}
