/// Writes well-formed HTTP/1.1 messages of every shape, and damages them.
struct HTTPMessageGenerator {
    var seed: HTTPSeed

    init(seed: HTTPSeed) {
        self.seed = seed
    }

    /// A request with its body, and whether another may follow it on the connection.
    mutating func request() -> (bytes: [UInt8], isLast: Bool) {
        let minorVersion = seed.chance(6) ? 0 : 1
        let method = seed.pick(["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "HEAD", "MKCOL", "REPORT"])
        var fields = headerLines()
        if minorVersion == 1 || seed.chance(2) { fields.append("\(cased("Host")):\(blank())\(host())\(blank())") }
        let isLast = connectionLines(minorVersion, &fields)
        var body: [UInt8] = []
        switch Int.random(in: 0..<3, using: &seed) {
        case 0 where minorVersion == 1: body = chunkedBody(&fields)
        case 1: body = sizedBody(&fields)
        default: break
        }
        fields.shuffle(using: &seed)
        let head = "\(method) \(target(method)) HTTP/1.\(minorVersion)\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n"
        return (Array(head.utf8) + body, isLast)
    }

    /// A response with its body to a request of that method, and whether it ends with the connection.
    mutating func response(to method: String) -> (bytes: [UInt8], isLast: Bool) {
        let minorVersion = seed.chance(6) ? 0 : 1
        let status = seed.pick([200, 200, 200, 201, 204, 301, 304, 400, 404, 429, 500, 503, 529])
        let reason = seed.pick(["OK", "", "Not so good", "größer"])
        var fields = headerLines()
        var isLast = connectionLines(minorVersion, &fields)
        var body: [UInt8] = []
        let hasBody = status != 204 && status != 304 && method != "HEAD"
        switch Int.random(in: 0..<5, using: &seed) {
        case 0...1 where minorVersion == 1 && status != 204: body = chunkedBody(&fields)
        case 2...3 where status != 204: body = sizedBody(&fields)
        default:
            if hasBody {
                body = bytes(Int.random(in: 0...200, using: &seed))
                isLast = true
            }
        }
        fields.shuffle(using: &seed)
        let head = "HTTP/1.\(minorVersion) \(status) \(reason)\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n"
        return (Array(head.utf8) + (hasBody ? body : []), isLast)
    }

    /// An interim response.
    mutating func interim() -> [UInt8] {
        let fields = headerLines().map { $0 + "\r\n" }.joined()
        return Array("HTTP/1.1 \(seed.pick(["100 Continue", "103 Early Hints", "102 "]))\r\n\(fields)\r\n".utf8)
    }

    /// The same bytes with a few of them changed, removed, doubled or put in.
    mutating func damaged(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        let telling = Array("\r\n\t\0 :;,=0159aAfFxX-+_/#?*\"%\u{7f}".utf8) + [0x80, 0xff, 0x0b]
        for _ in 0..<Int.random(in: 1...3, using: &seed) {
            let place = Int.random(in: 0..<bytes.count, using: &seed)
            switch Int.random(in: 0..<5, using: &seed) {
            case 0: bytes[place] = UInt8.random(in: 0...255, using: &seed)
            case 1: bytes[place] = seed.pick(telling)
            case 2: bytes.remove(at: place)
            case 3: bytes.insert(seed.pick(telling), at: place)
            default: bytes.insert(bytes[place], at: place)
            }
            if bytes.isEmpty { return [0] }
        }
        return bytes
    }

    private mutating func headerLines() -> [String] {
        let known = [
            "Accept", "User-Agent", "Content-Type", "Authorization", "X-Api-Key", "Cookie", "anthropic-version", "Date", "Via",
            "x-request-id",
        ]
        return (0..<Int.random(in: 0...12, using: &seed)).map { _ in
            let name = seed.chance(3) ? token() : cased(seed.pick(known))
            return "\(name):\(blank())\(value())\(blank())"
        }
    }

    /// Adds what decides about the connection; true if it ends with this message.
    private mutating func connectionLines(_ minorVersion: Int, _ fields: inout [String]) -> Bool {
        switch Int.random(in: 0..<6, using: &seed) {
        case 0:
            fields.append("\(cased("Connection")): \(cased("close"))")
            return true
        case 1:
            fields.append("\(cased("Connection")): \(cased("keep-alive"))")
            return false
        default: return minorVersion == 0
        }
    }

    private mutating func sizedBody(_ fields: inout [String]) -> [UInt8] {
        let count = seed.chance(4) ? 0 : Int.random(in: 1...300, using: &seed)
        fields.append("\(cased("Content-Length")):\(blank())\(count)")
        return bytes(count)
    }

    private mutating func chunkedBody(_ fields: inout [String]) -> [UInt8] {
        fields.append("\(cased("Transfer-Encoding")): \(cased("chunked"))")
        var body: [UInt8] = []
        for _ in 0..<Int.random(in: 0...4, using: &seed) {
            let data = bytes(Int.random(in: 1...70, using: &seed))
            let size = cased(String(data.count, radix: 16))
            let chunkExtension = seed.chance(4) ? ";\(token())=\(token())" : ""
            body += Array("\(seed.chance(8) ? "00" : "")\(size)\(chunkExtension)\r\n".utf8) + data + [0x0d, 0x0a]
        }
        let trailers = seed.chance(6) ? "X-Checksum: \(token())\r\n" : ""
        return body + Array("0\r\n\(trailers)\r\n".utf8)
    }

    private mutating func target(_ method: String) -> String {
        switch Int.random(in: 0..<8, using: &seed) {
        case 0 where method == "OPTIONS": return "*"
        case 1: return "http://\(host())/\(token())"
        case 2: return "/\(token())?\(token())=%20\(token())&x=/?:@"
        default: return "/" + seed.pick(["", "v1/messages", "v1/chat/completions", "a//b/../c;d", "%7e"])
        }
    }

    private mutating func host() -> String {
        seed.pick(["localhost", "api.example.com", "127.0.0.1:8080", "[::1]:443", "x-y.example:1"])
    }

    private mutating func token() -> String {
        let characters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.!~*'+$&^|`").map(String.init)
        return "x" + (0..<Int.random(in: 0...24, using: &seed)).map { _ in seed.pick(characters) }.joined()
    }

    private mutating func value() -> String {
        let words = [
            "application/json", "a, b;q=0.5", "\"quoted \\\" text\"", "größe €", "x\ty",
            "Bearer sk-0123456789abcdef0123456789abcdef", ":", "(",
        ]
        let value = (0..<Int.random(in: 0...4, using: &seed)).map { _ in seed.pick(words) }.joined(separator: " ")
        return value
    }

    private mutating func blank() -> String { seed.pick(["", " ", " ", " ", "  ", "\t", " \t "]) }

    private mutating func cased(_ text: String) -> String {
        seed.chance(3) ? text.lowercased() : seed.chance(3) ? text.uppercased() : text
    }

    private mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: 0...255, using: &seed) }
    }
}
