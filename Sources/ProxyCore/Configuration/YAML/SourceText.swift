import Basics

/// A configuration file's text, cut into lines the way libyaml counts them.
struct SourceText: Sendable {
    let file: String
    private let lines: [[Unicode.Scalar]]

    /// Bytes that are not UTF-8 show as U+FFFD.
    init(file: String, bytes: [UInt8]) {
        self.file = file
        var lines: [[Unicode.Scalar]] = []
        var line: [Unicode.Scalar] = []
        var afterReturn = false
        for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
            if afterReturn, scalar == "\n" {
                afterReturn = false
                continue
            }
            afterReturn = scalar == "\r"
            if Self.isBreak(scalar) {
                lines.append(line)
                line = []
            } else {
                line.append(scalar)
            }
        }
        lines.append(line)
        if lines[0].first == "\u{FEFF}" { lines[0].removeFirst() }
        self.lines = lines
    }

    /// The line by its number from 1; nil past the end.
    func line(_ number: Int) -> String? {
        scalars(number).map { scalars in
            var text = String.UnicodeScalarView()
            text.append(contentsOf: scalars)
            return String(text)
        }
    }

    /// Line and column of a byte offset.
    static func location(ofByte offset: Int, in bytes: [UInt8], file: String) -> SourceLocation {
        let before = SourceText(file: file, bytes: Array(bytes.prefix(max(0, offset))))
        return SourceLocation(file: file, line: before.lines.count, column: (before.lines.last?.count ?? 0) + 1)
    }

    /// Where a character of a scalar's value is in the file, however it is written there: folded, quoted, as an escape.
    /// The scalar's start where value and source do not run alike.
    func location(ofScalar offset: Int, in node: YAMLNode) -> SourceLocation {
        guard case .scalar(let scalar) = node.content else { return node.start }
        var place = Cursor(text: self, style: scalar.style, line: node.start.line, column: node.start.column)
        switch scalar.style {
        case .plain: break
        case .singleQuoted, .doubleQuoted: place.advance()
        case .literal, .folded: place.nextLine()
        }
        var index = 0
        for character in scalar.text.unicodeScalars {
            place.find(character)
            if index == offset { return place.location }
            guard place.pass(character) else { return node.start }
            index += 1
        }
        return index == offset ? place.location : node.start
    }

    /// How many columns so many characters of a scalar's value take from there on; no more than their first line has.
    func length(ofScalar offset: Int, count: Int, in node: YAMLNode) -> Int {
        let start = location(ofScalar: offset, in: node)
        // Where the last one begins, and how it is written: what is behind it may be a line's end.
        let last = location(ofScalar: offset + max(count, 1) - 1, in: node)
        guard last.line == start.line, last.column >= start.column else {
            return max(1, (scalars(start.line)?.count ?? 0) - start.column + 1)
        }
        let behind = location(ofScalar: offset + max(count, 1), in: node)
        let end = behind.line == start.line && behind.column > last.column ? behind.column : last.column + 1
        return max(1, end - start.column - trailingSpace(before: end, on: start.line))
    }

    /// Blanks that are folded away belong to nothing.
    private func trailingSpace(before column: Int, on line: Int) -> Int {
        guard let scalars = scalars(line), column - 1 <= scalars.count else { return 0 }
        return scalars[..<(column - 1)].reversed().prefix { Self.isSpace($0) }.count
    }

    /// The same as Unicode scalars, which columns count.
    func scalars(_ number: Int) -> [Unicode.Scalar]? {
        lines.indices.contains(number - 1) ? lines[number - 1] : nil
    }

    private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        scalar == " " || scalar == "\t" || isBreak(scalar)
    }

    private static func isBreak(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "\n", "\r", "\u{85}", "\u{2028}", "\u{2029}": true
        default: false
        }
    }

    /// A place that walks through the text of a scalar.
    private struct Cursor {
        let text: SourceText
        let style: YAMLScalar.Style
        var line: Int
        var column: Int

        var location: SourceLocation { SourceLocation(file: text.file, line: line, column: column) }

        private func scalar(ahead: Int = 0) -> Unicode.Scalar? {
            guard let scalars = text.scalars(line), scalars.indices.contains(column - 1 + ahead) else { return nil }
            return scalars[column - 1 + ahead]
        }

        mutating func advance() { column += 1 }

        mutating func nextLine() {
            line += 1
            column = 1
        }

        /// Goes to where a character of the value is written, past what lines are folded from.
        mutating func find(_ character: Unicode.Scalar) {
            guard SourceText.isSpace(character) else { return skipSpace() }
            guard style == .doubleQuoted, scalar() != character else { return }
            // A blank may be written as an escape; else it is what a line's end was folded to.
            var ahead = self
            ahead.skipSpace()
            if ahead.escape?.scalar == character { self = ahead }
        }

        /// Goes past a character of the value; false when something else is written there.
        mutating func pass(_ character: Unicode.Scalar) -> Bool {
            if style == .doubleQuoted, let escape, escape.scalar == character {
                column += escape.length
                return true
            }
            if style == .singleQuoted, character == "'", scalar() == "'", scalar(ahead: 1) == "'" {
                column += 2
                return true
            }
            let isThere = scalar() == character
            if isThere { advance() }
            return isThere || SourceText.isSpace(character)
        }

        private mutating func skipSpace() {
            while let scalars = text.scalars(line) {
                if column > scalars.count || isContinued(scalars) {
                    guard text.scalars(line + 1) != nil else { return }
                    nextLine()
                } else if SourceText.isSpace(scalars[column - 1]) {
                    advance()
                } else {
                    return
                }
            }
        }

        /// Whether a line is joined with the next, by a backslash at its end in double quotes.
        private func isContinued(_ scalars: [Unicode.Scalar]) -> Bool {
            style == .doubleQuoted && column == scalars.count && scalars[column - 1] == "\\"
        }

        /// The escape that begins here, and how it is written (YAML 1.2, 5.7).
        private var escape: (scalar: Unicode.Scalar, length: Int)? {
            guard scalar() == "\\", let letter = scalar(ahead: 1) else { return nil }
            let digits =
                switch letter {
                case "x": 2
                case "u": 4
                case "U": 8
                default: 0
                }
            guard digits > 0 else { return Self.escapes[letter].map { ($0, 2) } }
            var value: UInt32 = 0
            for index in 0..<digits {
                guard let digit = scalar(ahead: 2 + index), digit.isASCII, let nibble = Hex.value(UInt8(ascii: digit)) else {
                    return nil
                }
                value = value << 4 | UInt32(nibble)
            }
            return Unicode.Scalar(value).map { ($0, 2 + digits) }
        }

        private static let escapes: [Unicode.Scalar: Unicode.Scalar] = [
            "0": "\0", "a": "\u{07}", "b": "\u{08}", "t": "\t", "\t": "\t", "n": "\n", "v": "\u{0B}", "f": "\u{0C}", "r": "\r",
            "e": "\u{1B}", " ": " ", "\"": "\"", "/": "/", "\\": "\\", "N": "\u{85}", "_": "\u{A0}", "L": "\u{2028}",
            "P": "\u{2029}",
        ]
    }
}
