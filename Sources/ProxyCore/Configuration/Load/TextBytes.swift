/// Looks at texts by their bytes. A file has hundreds of thousands of questions to ask of them, and asked of characters each costs a
/// hundred times as much.
extension StringProtocol {
    /// Whether the bytes of `text`, which is ASCII, stand in it.
    func holds(_ text: StaticString) -> Bool {
        let wanted = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        guard let first = wanted.first else { return true }
        var rest = utf8[...]
        while let index = rest.firstIndex(of: first) {
            rest = rest[index...]
            if rest.starts(with: wanted) { return true }
            rest = rest.dropFirst()
        }
        return false
    }
}

extension Unicode.Scalar {
    /// Category Cc: U+0000–001F and U+007F–009F.
    var isControl: Bool { value < 0x20 || (0x7F...0x9F).contains(value) }

    /// White space; of ASCII, what is most of any file, without a look into a table.
    var isBlank: Bool { isASCII ? value == 0x20 || (0x09...0x0D).contains(value) : properties.isWhitespace }
}
