/// Makes `req_` and 24 letters and digits: 16 drawn at random for each loop of each process, then a count.
///
/// Unique, and no secret: an id is shown to its client and is in logs.
struct RequestIDs {
    private static let digits = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
    private static let prefix = Array("req_".utf8)
    private var text: [UInt8]

    init() {
        var random = SystemRandomNumberGenerator()
        self.init(using: &random)
    }

    init(using random: inout some RandomNumberGenerator) {
        text =
            Self.prefix + (0..<16).map { _ in Self.digits.randomElement(using: &random) ?? 0x30 }
            + Array(repeating: 0x30, count: 8)
    }

    mutating func next() -> String {
        var index = text.count - 1
        // Counts up as an odometer does; 62⁸ requests are more than a process lives to see.
        while index >= 20 {
            let digit = text[index]
            if digit == UInt8(ascii: "z") {
                text[index] = UInt8(ascii: "0")
                index -= 1
                continue
            }
            text[index] =
                digit == UInt8(ascii: "9") ? UInt8(ascii: "A") : digit == UInt8(ascii: "Z") ? UInt8(ascii: "a") : digit &+ 1
            break
        }
        return String(decoding: text, as: UTF8.self)
    }
}
