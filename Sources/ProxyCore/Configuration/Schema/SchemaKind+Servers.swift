import Basics
import Foundation

extension Schema.Kind where Value == [LimitServerAddress] {
    /// One server, or several hosts behind one another: `redis://a:26379,b:26379/0`.
    static var limitServer: Self {
        let parsed = scalar(
            Schema.Scalar(noun: "address", pattern: "(rediss?://|unix:/).+", shown: LimitServerAddress.shown)
        ) { text throws(Schema.Problem) in
            try LimitServerAddress.parse(text.escapingUser)
        }
        return parsed.hidingUsers { $0.contains { $0.password != nil } }
    }
}

extension Schema.Kind where Value == StoreAddress {
    static var storeAddress: Self {
        let parsed = scalar(
            Schema.Scalar(noun: "address", pattern: "postgres(ql)?://.*", shown: StoreAddress.shown)
        ) { text throws(Schema.Problem) in
            try StoreAddress.parse(text.escapingUser)
        }
        return parsed.hidingUsers { StoreAddress.holdsPassword($0.uri.reveal()) }
    }
}

extension Schema.Kind {
    /// An address with a user in it holds a password, and so may its query.
    fileprivate func hidingUsers(_ holdsPassword: @escaping @Sendable (Value) -> Bool) -> Self {
        Self(shape: shape) { [decode] node, path, context in
            if case .scalar(let scalar) = node.content, scalar.text.contains("@") || scalar.text.contains("?") {
                context.hide(node)
            }
            guard let value = decode(node, path, context) else { return nil }
            if holdsPassword(value), !context.holdsReference(node) { context.literalSecret(node, path) }
            return value
        }
    }
}

extension Schema.Text {
    /// An address in whose user or password references stand: what they stand for is written as it is, in a file or a variable, and is
    /// percent-encoded here, as far as no address could hold it.
    var escapingUser: String {
        guard holdsReference, case .scalar(let scalar) = node.content else { return value }
        let written = Self.masked(scalar.text)
        guard let start = written.firstRange(of: "://")?.upperBound, let begin = value.firstRange(of: "://")?.upperBound,
            let at = written[start...].prefix(while: { $0 != "/" && $0 != "?" }).lastIndex(of: "@"),
            written[start..<at].contains(Self.mark)
        else { return value }
        // Only the user and the password may hold an @ that nobody wrote.
        let behind = written[at...].count { $0 == "@" }
        let marks = value.indices.filter { value[$0] == "@" }
        guard marks.count >= behind, begin <= marks[marks.count - behind] else { return value }
        let end = marks[marks.count - behind]
        return value[..<begin] + Self.escaped(value[begin..<end]) + value[end...]
    }

    private static let mark: Character = "\0"

    /// What is written, with a mark in the place of each reference.
    private static func masked(_ text: String) -> String {
        var (masked, rest) = ("", text[...])
        while let dollar = rest.firstIndex(of: "$") {
            masked += rest[..<dollar]
            let next = rest.index(after: dollar)
            guard next < rest.endIndex, rest[next] == "{", let close = rest[next...].firstIndex(of: "}") else {
                masked.append("$")
                rest = rest[next...]
                if rest.first == "$" { rest.removeFirst() }
                continue
            }
            masked.append(mark)
            rest = rest[rest.index(after: close)...]
        }
        return masked + rest
    }

    private static func escaped(_ text: Substring) -> String {
        let bytes = Array(text.utf8)
        var escaped: [UInt8] = []
        for (index, byte) in bytes.enumerated() {
            let isEscape =
                byte == UInt8(ascii: "%") && index + 2 < bytes.count && Hex.value(bytes[index + 1]) != nil
                && Hex.value(bytes[index + 2]) != nil
            if isEscape || ASCII.isAlphanumeric(byte) || plain.contains(byte) {
                escaped.append(byte)
            } else {
                escaped += [UInt8(ascii: "%"), Hex.digit(byte >> 4), Hex.digit(byte)]
            }
        }
        return String(decoding: escaped, as: UTF8.self)
    }

    private static let plain = Array("-._~!$&'()*+,;=:".utf8)
}

/// No message repeats any of an address, for it may hold a password.
extension LimitServerAddress {
    static let shown: @Sendable (String) -> SmallJSON? = { text in
        guard let addresses = try? parse(text) else { return Schema.Shown.redacted(text) }
        return .string(addresses.map(\.description).joined(separator: ","))
    }

    static func parse(_ text: String) throws(Schema.Problem) -> [LimitServerAddress] {
        if text.hasPrefix("unix:") { return [try parse(socket: text.dropFirst(5))] }
        let isTLS = text.hasPrefix("rediss://")
        guard isTLS || text.hasPrefix("redis://") else {
            throw Schema.Problem("the address begins with redis://, rediss:// or unix://")
        }
        var (rest, query) = cut(text.dropFirst(isTLS ? 9 : 8), "?")
        var common = LimitServerAddress(.unix(path: ""))
        try common.take(query)
        if let at = rest.lastIndex(of: "@") {
            try common.take(user: rest[..<at])
            rest = rest[rest.index(after: at)...]
        }
        let (hosts, path) = cut(rest, "/")
        if let path, !path.isEmpty { common.database = try database(path) }
        let list = hosts.split(separator: ",", omittingEmptySubsequences: false)
        var addresses: [LimitServerAddress] = []
        for authority in list {
            guard let (host, digits) = UpstreamURL.split(authority), !host.isEmpty, host.contains(":") || Schema.isName(host)
            else {
                throw Schema.Problem("the address names no valid host; write redis://host:6379/0")
            }
            var port = 6379
            if let digits {
                guard let number = try? Quantity.decimal(digits, places: 0), (1...65_535).contains(number) else {
                    throw Schema.Problem("the address has a port that is none; write 1–65535")
                }
                port = number
            }
            var address = common
            address.place = isTLS ? .tls(host: host, port: port) : .tcp(host: host, port: port)
            addresses.append(address)
        }
        return addresses
    }

    /// `///run/redis.sock`, `//user:password@/run/redis.sock`, `/run/redis.sock`, each with `?db=1`.
    private static func parse(socket text: Substring) throws(Schema.Problem) -> LimitServerAddress {
        var (rest, query) = cut(text, "?")
        var address = LimitServerAddress(.unix(path: ""))
        try address.take(query)
        if rest.hasPrefix("//") {
            rest = rest.dropFirst(2)
            let (before, _) = cut(rest, "/")
            if !before.isEmpty {
                guard before.hasSuffix("@") else { throw Schema.Problem("a socket is written unix:///run/redis.sock") }
                try address.take(user: before.dropLast())
                rest = rest[before.endIndex...]
            }
        }
        guard rest.hasPrefix("/"), rest.count > 1 else { throw Schema.Problem("a socket is written unix:///run/redis.sock") }
        // sockaddr_un(7) has room for 107 bytes and the zero.
        guard rest.utf8.count <= 107 else { throw Schema.Problem("the socket's path is longer than the 107 bytes a socket has") }
        address.place = .unix(path: String(rest))
        return address
    }

    private mutating func take(user text: Substring) throws(Schema.Problem) {
        let (name, word) = Self.cut(text, ":")
        guard let plainName = String(name).removingPercentEncoding, let plainWord = String(word ?? "").removingPercentEncoding
        else { throw Schema.Problem("the user or password is not percent-encoded as it should be") }
        guard word != nil else {
            throw Schema.Problem("the address has a user and no password; write user:password@ or :password@")
        }
        user = plainName.isEmpty ? nil : plainName
        password = plainWord.isEmpty ? nil : Secret(plainWord)
    }

    private mutating func take(_ query: Substring?) throws(Schema.Problem) {
        for pair in (query ?? "").split(separator: "&") {
            let (key, value) = Self.cut(pair, "=")
            switch (key, value) {
            case ("db", let value?): database = try Self.database(value)
            case ("master", let value?) where Schema.isName(String(value)): master = String(value)
            default: throw Schema.Problem("the address's query may say master=NAME and db=0, and nothing else")
            }
        }
    }

    private static func database(_ text: Substring) throws(Schema.Problem) -> Int {
        guard let number = try? Quantity.decimal(text, places: 0), !text.contains("."), (0...65_535).contains(number) else {
            throw Schema.Problem("what follows the host is the number of a database; write redis://host:6379/0")
        }
        return number
    }

    fileprivate static func cut(_ text: Substring, _ mark: Character) -> (Substring, Substring?) {
        guard let index = text.firstIndex(of: mark) else { return (text, nil) }
        return (text[..<index], text[text.index(after: index)...])
    }
}

extension StoreAddress {
    static let shown: @Sendable (String) -> SmallJSON? = { text in
        (try? parse(text)).map { .string($0.description) } ?? Schema.Shown.redacted(text)
    }

    private static let sslModes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]

    /// - Throws: only for what libpq would not take either; the rest is its matter.
    static func parse(_ text: String) throws(Schema.Problem) -> StoreAddress {
        guard let scheme = ["postgres://", "postgresql://"].first(where: { text.hasPrefix($0) }) else {
            throw Schema.Problem("the address begins with postgres://")
        }
        let (before, query) = LimitServerAddress.cut(text.dropFirst(scheme.count), "?")
        let (authority, database) = LimitServerAddress.cut(before, "/")
        var hosts = authority
        if let at = authority.lastIndex(of: "@") { hosts = authority[authority.index(after: at)...] }
        guard hosts.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), !(database ?? "").contains("@") else {
            throw Schema.Problem("the address names no valid host; write postgres://user@host/database")
        }
        // libpq would go by its environment, or by the name of who runs this.
        guard !hosts.isEmpty || database?.isEmpty == false || query?.isEmpty == false else {
            throw Schema.Problem("the address names neither host nor database; write postgres://user@host/database")
        }
        var mode: String?
        for pair in (query ?? "").split(separator: "&") {
            let (key, value) = LimitServerAddress.cut(pair, "=")
            guard let value else { throw Schema.Problem("the address's query is written name=value&name=value") }
            guard key == "sslmode" else { continue }
            guard sslModes.contains(String(value)) else {
                throw Schema.Problem("the address's sslmode is none; write \(sslModes.joined(separator: ", "))")
            }
            mode = String(value)
        }
        let shown = "\(scheme)\(hosts)\(database.map { "/\($0)" } ?? "")"
        return StoreAddress(uri: Secret(text), shown: shown, sslMode: mode)
    }

    static func holdsPassword(_ uri: String) -> Bool {
        let (before, query) = LimitServerAddress.cut(uri[...], "?")
        if let at = before.lastIndex(of: "@"), before[..<at].split(separator: "//").last?.contains(":") == true { return true }
        return (query ?? "").split(separator: "&").contains { $0.hasPrefix("password=") }
    }
}
