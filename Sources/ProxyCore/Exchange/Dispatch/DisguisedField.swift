import Basics
import HTTP1

/// Header fields that some server takes for another request line, for a credential or for a hop's word, by names that are not the
/// usual ones.
///
/// Servers behind CGI and WSGI read `_` as `-`, so each counts in every mixture of the two; frameworks let a field stand for method
/// or path.
enum DisguisedField {
    /// The names by length, so that most are compared with nothing.
    private static let names: [[StaticString]] = {
        let all: [StaticString] = [
            "x-http-method-override", "x-http-method", "x-method-override", "x-original-url", "x-rewrite-url", "http2-settings",
            "x-auth-token", "x-auth-key", "x-access-token", "x-amz-security-token", "ocp-apim-subscription-key", "x-api-key",
            "api-key", "x-goog-api-key", "content-length", "transfer-encoding", "proxy-authorization", "x-admin-key",
            "x-proxyd-key", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "true-client-ip", "cf-connecting-ip",
            "fastly-client-ip", "x-original-forwarded-for",
        ]
        var names = [[StaticString]](repeating: [], count: longest + 1)
        for name in all where name.utf8CodeUnitCount <= longest { names[name.utf8CodeUnitCount].append(name) }
        return names
    }()
    private static let longest = 32

    static func isOne(_ name: UnsafeRawBufferPointer) -> Bool {
        // Any hop's word on whom it speaks for: address, port, host, user, token.
        if name.count > 12, name[2] | 0x20 == UInt8(ascii: "f"), name[0] | 0x20 == UInt8(ascii: "x"),
            isDash(name[1]), isDash(name[11]),
            equalsIgnoringCase(UnsafeRawBufferPointer(rebasing: name[2..<11]), "forwarded")
        {
            return true
        }
        guard name.count <= longest else { return false }
        return names[name.count].contains { other in
            other.withUTF8Buffer { isRead(name, as: UnsafeRawBufferPointer($0)) }
        }
    }

    /// Whether a server may take the one name for the other: in any case of letters, `_` for `-`.
    static func isRead(_ name: UnsafeRawBufferPointer, as other: UnsafeRawBufferPointer) -> Bool {
        guard name.count == other.count else { return false }
        var index = 0
        while index < name.count {
            guard plain(name[index]) == plain(other[index]) else { return false }
            index += 1
        }
        return true
    }

    private static func plain(_ byte: UInt8) -> UInt8 {
        byte == UInt8(ascii: "_") ? UInt8(ascii: "-") : ASCII.lowercased(byte)
    }

    private static func isDash(_ byte: UInt8) -> Bool { plain(byte) == UInt8(ascii: "-") }
}
