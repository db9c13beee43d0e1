/// Makes of texts and bytes a number that stands for them as long as the process runs. Nobody outside knows the seeds, so that no
/// client can make two texts that are taken for one.
struct TextMark {
    private static let seeds = (UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max) | 1)

    private var state: UInt64

    init() { state = Self.seeds.0 }

    static func of(_ texts: String...) -> UInt64 {
        var mark = TextMark()
        for text in texts { mark.add(text) }
        return mark.value
    }

    /// Where one text ends and the next begins is part of the number.
    mutating func add(_ text: String) {
        var text = text
        text.withUTF8 { add(UnsafeRawBufferPointer($0)) }
    }

    mutating func add(_ bytes: UnsafeRawBufferPointer) {
        var offset = 0
        while offset &+ 8 <= bytes.count {
            add(bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            offset &+= 8
        }
        var rest: UInt64 = 0
        while offset < bytes.count {
            rest = rest << 8 | UInt64(bytes[offset])
            offset &+= 1
        }
        add(rest)
        add(UInt64(truncatingIfNeeded: bytes.count))
    }

    mutating func add(_ word: UInt64) { state = Self.fold(state ^ word, Self.seeds.1) &+ 0x9e37_79b9_7f4a_7c15 }

    /// Never 0, which stands for none.
    var value: UInt64 { max(Self.fold(state ^ Self.seeds.1, 0xd6e8_feb8_6659_fd93), 1) }

    private static func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let product = a.multipliedFullWidth(by: b)
        return product.high ^ product.low
    }
}
