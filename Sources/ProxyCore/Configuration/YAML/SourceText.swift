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

    /// Where a character of a scalar's value is in the file. Exact while value and source run alike but for white space
    /// (plain, quoted without escapes, block scalars); else the scalar's start.
    func location(ofScalar offset: Int, in node: YAMLNode) -> SourceLocation {
        guard case .scalar(let scalar) = node.content else { return node.start }
        var place = Cursor(text: self, line: node.start.line, column: node.start.column)
        switch scalar.style {
        case .plain: break
        case .singleQuoted, .doubleQuoted: place.advance()
        case .literal, .folded: place.nextLine()
        }
        var index = 0
        for character in scalar.text.unicodeScalars {
            let isSpace = Self.isSpace(character)
            if !isSpace { place.skipSpace() }
            if index == offset { return place.location }
            guard isSpace || place.scalar == character else { return node.start }
            if !isSpace || place.scalar == character { place.advance() }
            index += 1
        }
        return index == offset ? place.location : node.start
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

    /// A place that walks through the text.
    private struct Cursor {
        let text: SourceText
        var line: Int
        var column: Int

        var location: SourceLocation { SourceLocation(file: text.file, line: line, column: column) }

        var scalar: Unicode.Scalar? {
            guard let scalars = text.scalars(line), scalars.indices.contains(column - 1) else { return nil }
            return scalars[column - 1]
        }

        mutating func advance() { column += 1 }

        mutating func nextLine() {
            line += 1
            column = 1
        }

        mutating func skipSpace() {
            while let scalars = text.scalars(line) {
                if column > scalars.count {
                    guard text.scalars(line + 1) != nil else { return }
                    nextLine()
                } else if SourceText.isSpace(scalars[column - 1]) {
                    advance()
                } else {
                    return
                }
            }
        }
    }
}
