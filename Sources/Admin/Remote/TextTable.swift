/// Rows as people read them: columns under their names, numbers to the right.
struct TextTable {
    private let names: [String]
    private var rows: [[Cell]] = []

    enum Cell {
        case text(String)
        case number(String)

        /// Whole, with its thousands apart; `-` for none.
        static func count(_ value: Int?) -> Cell {
            guard let value else { return .number("-") }
            let digits = String(value.magnitude)
            var text = ""
            for (index, digit) in digits.enumerated() {
                if index > 0, (digits.count - index).isMultiple(of: 3) { text.append(",") }
                text.append(digit)
            }
            return .number(value < 0 ? "-" + text : text)
        }

        var text: String {
            switch self {
            case .text(let text), .number(let text): text
            }
        }
    }

    init(_ names: [String]) { self.names = names }

    mutating func add(_ cells: [Cell]) { rows.append(cells) }

    var isEmpty: Bool { rows.isEmpty }

    /// Ends with a line break. What would move a terminal's cursor or its colours is shown as `?`.
    var text: String {
        let lines = ([names.map(Cell.text)] + rows).map { $0.map { Self.harmless($0.text) } }
        let widths = names.indices.map { column in
            lines.map { column < $0.count ? Self.width(of: $0[column]) : 0 }.max() ?? 0
        }
        let isNumber = names.indices.map { column in
            rows.contains { row in
                if column < row.count, case .number = row[column] { true } else { false }
            }
        }
        return lines.map { cells in
            let padded = cells.enumerated().map { column, text in
                let blanks = String(repeating: " ", count: max(0, widths[column] - Self.width(of: text)))
                return isNumber[column] ? blanks + text : text + blanks
            }
            var line = padded.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line + "\n"
        }.joined()
    }

    /// How many cells of a terminal a text takes: Chinese, Japanese, Korean and emoji take two each.
    static func width(of text: String) -> Int {
        text.reduce(0) { $0 + (isWide($1) ? 2 : 1) }
    }

    private static func isWide(_ character: Character) -> Bool {
        character.unicodeScalars.contains { scalar in
            // East Asian Width W and F (Unicode's report 11); a picture by itself, or by the mark that asks for one.
            switch scalar.value {
            case 0..<0x1100: false
            case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x4DBF, 0x4E00...0xA4CF, 0xA960...0xA97C, 0xAC00...0xD7A3,
                0xF900...0xFAFF, 0xFE0F, 0xFE30...0xFE6B, 0xFF01...0xFF60, 0xFFE0...0xFFE6, 0x17000...0x18DFF, 0x1B000...0x1B2FB,
                0x1F1E6...0x1F1FF, 0x20000...0x3FFFD:
                true
            default: scalar.properties.isEmojiPresentation
            }
        }
    }

    static func harmless(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { scalar in
                    switch scalar.properties.generalCategory {
                    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: "?"
                    default: scalar
                    }
                }))
    }
}
