/// What a browser sends back of what it was given.
public enum Cookies {
    /// The cookie of a session of the admin plane.
    public static let session = "proxyd_session"

    /// The value of the first cookie of that name in a `Cookie` field (RFC 6265 §4.2.1); nil where there is none, or an empty one.
    public static func value(of name: String, in field: String) -> String? {
        for pair in field.utf8.split(separator: UInt8(ascii: ";")) {
            let pair = pair.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
            guard let equals = pair.firstIndex(of: UInt8(ascii: "=")), pair[..<equals].elementsEqual(name.utf8) else { continue }
            let value = String(Substring(pair[pair.index(after: equals)...]))
            return value.isEmpty ? nil : value
        }
        return nil
    }
}
