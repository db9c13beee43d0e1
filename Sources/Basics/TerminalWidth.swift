/// How many cells of a terminal letters take: Chinese, Japanese, Korean and pictures take two each.
public enum TerminalWidth {
    public static func cells(of text: String) -> Int {
        text.reduce(0) { sum, character in sum + (character.unicodeScalars.contains { isWide($0) || isPicture($0) } ? 2 : 1) }
    }

    /// East Asian Width W and F (Unicode's report 11), and what is shown as a picture by itself.
    public static func isWide(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x1100: false
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x4DBF, 0x4E00...0xA4CF, 0xA960...0xA97C, 0xAC00...0xD7A3,
            0xF900...0xFAFF, 0xFE30...0xFE6B, 0xFF01...0xFF60, 0xFFE0...0xFFE6, 0x17000...0x18DFF, 0x1B000...0x1B2FB,
            0x20000...0x3FFFD:
            true
        default: scalar.properties.isEmojiPresentation
        }
    }

    /// A half of a flag, or the mark that asks for a picture: the letter that has one is wide.
    private static func isPicture(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value == 0xFE0F || (0x1F1E6...0x1F1FF).contains(scalar.value)
    }
}
