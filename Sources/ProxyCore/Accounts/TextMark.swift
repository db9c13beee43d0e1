/// Makes of texts and bytes a number that stands for them as long as the process runs. Nobody outside knows the keys, so that no
/// client can make two texts that are taken for one.
struct TextMark {
    private static let process = KeyedHash()

    /// The same in every process: what all nodes have to find alike, and where nothing is gained by finding two that are taken
    /// for one.
    private static let everywhere = KeyedHash((0x9E37_79B9_7F4A_7C15, 0xD1B5_4A32_D192_ED03))

    enum Scope { case process, everywhere }

    private let keyed: KeyedHash
    private var state: UInt64 = 0

    init(_ scope: Scope = .process) {
        keyed = scope == .process ? Self.process : Self.everywhere
    }

    static func of(_ texts: String...) -> UInt64 {
        var mark = TextMark()
        for text in texts { mark.add(text) }
        return mark.value
    }

    /// Where one text ends and the next begins is part of the number.
    mutating func add(_ text: String) {
        if text.utf8.withContiguousStorageIfAvailable({ add(UnsafeRawBufferPointer($0)) }) != nil { return }
        var text = text
        text.withUTF8 { add(UnsafeRawBufferPointer($0)) }
    }

    mutating func add(_ bytes: UnsafeRawBufferPointer) { state = keyed.hash(bytes, seed: state) }
    mutating func add(_ word: UInt64) { state = keyed.hash(word, seed: state) }

    /// Never 0, which stands for none.
    var value: UInt64 { max(state, 1) }
}
