import Basics

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
            lines.map { column < $0.count ? TerminalWidth.cells(of: $0[column]) : 0 }.max() ?? 0
        }
        let isNumber = names.indices.map { column in
            rows.contains { row in
                if column < row.count, case .number = row[column] { true } else { false }
            }
        }
        return lines.map { cells in
            let padded = cells.enumerated().map { column, text in
                let blanks = String(repeating: " ", count: max(0, widths[column] - TerminalWidth.cells(of: text)))
                return isNumber[column] ? blanks + text : text + blanks
            }
            var line = padded.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line + "\n"
        }.joined()
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
