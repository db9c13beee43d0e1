/// Reads a text as its author sees it, line by line, and finds the first thing that a reader of YAML takes otherwise: a quote or a
/// bracket that is not closed, text behind a quote. It is asked only where the text is no YAML.
struct YAMLScan {
    struct Place: Hashable {
        var line: Int
        var column: Int
    }

    struct Bracket {
        var scalar: Unicode.Scalar
        var place: Place
    }

    enum Finding {
        case unclosedQuote(Place)
        /// Where the text begins, and where the quote does.
        case textBehindQuote(Place, quote: Place, isInBrackets: Bool)
        case mismatch(Bracket, closer: Unicode.Scalar, at: Place)
        case strayCloser(Unicode.Scalar, at: Place)
        /// Where the text begins, and the bracket that all of the value seemed to be in.
        case textBehindBracket(Place, Bracket)
        /// `${…}` within brackets, of which the innermost comes along: there braces are YAML's.
        case bareReference(Place, in: Bracket)
    }

    /// The first finding in lines up to the last that was to be read.
    private(set) var finding: Finding?
    /// Brackets that are open where that line begins, the innermost last.
    private(set) var open: [Bracket] = []

    private let source: SourceText
    private var brackets: [Bracket] = []
    /// The column that the text of a block scalar stays behind.
    private var block: Int?
    private var line = 1
    private var index = 0
    private var isAtStart = true

    init(_ source: SourceText, upTo last: Int) {
        self.source = source
        while line <= last, finding == nil, let scalars = source.scalars(line) {
            if line == last { open = brackets }
            let from = line
            read(scalars)
            // A quote may have been closed lines below.
            if line == from {
                line += 1
                index = 0
            }
        }
        // libyaml may stop behind the last line.
        if finding == nil, source.scalars(last) == nil { open = brackets }
    }

    private mutating func read(_ scalars: [Unicode.Scalar]) {
        if index == 0 {
            if isOfBlock(scalars) { return }
            isAtStart = true
        }
        let from = line
        while index < scalars.count, finding == nil {
            let scalar = scalars[index]
            if scalar == "#", index == 0 || Self.isBlank(scalars[index - 1]) { return }
            if Self.isBlank(scalar) {
                index += 1
            } else if isAtStart, scalar == "\"" || scalar == "'" {
                passQuote(scalar, in: scalars)
                if line != from { return }
            } else if isAtStart || !brackets.isEmpty, passBracket(scalar, in: scalars) {
                index += 1
            } else if isAtStart, brackets.isEmpty, scalar == "|" || scalar == ">", beginsBlock(scalars) {
                return
            } else {
                passText(scalar, scalars)
            }
        }
    }

    private mutating func passText(_ scalar: Unicode.Scalar, _ scalars: [Unicode.Scalar]) {
        let next = index + 1 < scalars.count ? scalars[index + 1] : " "
        if scalar == "$", next == "{", let bracket = brackets.last { finding = .bareReference(place, in: bracket) }
        let isDash = scalar == "-" && isAtStart && brackets.isEmpty
        isAtStart = Self.isBlank(next) && (scalar == ":" || isDash) || scalar == "," && !brackets.isEmpty
        index += 1
    }

    /// Whether it was one that counts here.
    private mutating func passBracket(_ scalar: Unicode.Scalar, in scalars: [Unicode.Scalar]) -> Bool {
        switch scalar {
        case "[", "{":
            brackets.append(Bracket(scalar: scalar, place: place))
            isAtStart = true
        case "]", "}":
            guard let last = brackets.popLast() else {
                finding = .strayCloser(scalar, at: place)
                return true
            }
            isAtStart = false
            guard (last.scalar == "[") == (scalar == "]") else {
                finding = .mismatch(last, closer: scalar, at: place)
                return true
            }
            var behind = index + 1
            while behind < scalars.count, Self.isBlank(scalars[behind]) { behind += 1 }
            guard brackets.isEmpty, behind < scalars.count, scalars[behind] != "#" || behind == index + 1 else { return true }
            let isKey = scalars[behind] == ":" && (behind + 1 == scalars.count || Self.isBlank(scalars[behind + 1]))
            if !isKey { finding = .textBehindBracket(Place(line: line, column: behind + 1), last) }
        default: return false
        }
        return true
    }

    // MARK: Quotes

    private mutating func passQuote(_ quote: Unicode.Scalar, in scalars: [Unicode.Scalar]) {
        let began = place
        var here = scalars
        index += 1
        while !skipToClosing(quote, in: here) {
            guard let next = source.scalars(line + 1) else {
                finding = .unclosedQuote(began)
                return
            }
            line += 1
            index = 0
            here = next
        }
        index += 1
        isAtStart = false
        var behind = index
        while behind < here.count, Self.isBlank(here[behind]) { behind += 1 }
        guard behind < here.count, !(here[behind] == "#" && behind > index) else { return }
        if here[behind] == ":", line == began.line { return }
        if !brackets.isEmpty, ",]}".unicodeScalars.contains(here[behind]) { return }
        finding =
            line == began.line
            ? .textBehindQuote(
                Place(line: line, column: behind + 1), quote: began, isInBrackets: !brackets.isEmpty)
            : .unclosedQuote(began)
    }

    /// Goes to the quote that ends the text; false, and to the line's end, where the line has none.
    private mutating func skipToClosing(_ quote: Unicode.Scalar, in scalars: [Unicode.Scalar]) -> Bool {
        while index < scalars.count {
            if quote == "\"", scalars[index] == "\\" {
                index += 2
            } else if scalars[index] != quote {
                index += 1
            } else if quote == "'", index + 1 < scalars.count, scalars[index + 1] == "'" {
                index += 2
            } else {
                return true
            }
        }
        return false
    }

    // MARK: Block scalars

    private mutating func isOfBlock(_ scalars: [Unicode.Scalar]) -> Bool {
        guard let column = block else { return false }
        let indent = scalars.prefix { $0 == " " }.count
        if indent == scalars.count || indent >= column { return true }
        block = nil
        return false
    }

    private mutating func beginsBlock(_ scalars: [Unicode.Scalar]) -> Bool {
        let rest = scalars[(index + 1)...].drop { "+-123456789".unicodeScalars.contains($0) }.drop { Self.isBlank($0) }
        guard rest.isEmpty || rest.first == "#" else { return false }
        let shape = YAMLLine(scalars)
        block = shape.key == nil ? shape.dashes.last ?? shape.column : shape.column
        return true
    }

    private var place: Place { Place(line: line, column: index + 1) }

    private static func isBlank(_ scalar: Unicode.Scalar) -> Bool { scalar == " " || scalar == "\t" }
}

/// What a line looks like to its author: dashes, a key, a value.
struct YAMLLine {
    /// Columns of the dashes of list items that begin in it.
    private(set) var dashes: [Int] = []
    /// Where what is behind them begins; from 1.
    private(set) var column: Int
    /// The text before the first colon that has a blank or nothing behind it.
    private(set) var key: String?
    private(set) var colon: Int?
    /// Where the value begins; nil for a key without one.
    private(set) var value: Int?
    private(set) var isEmpty: Bool

    init(_ scalars: [Unicode.Scalar]) {
        var index = scalars.prefix { $0 == " " }.count
        while index < scalars.count, scalars[index] == "-", index + 1 == scalars.count || scalars[index + 1] == " " {
            dashes.append(index + 1)
            index += 1
            while index < scalars.count, scalars[index] == " " { index += 1 }
        }
        column = index + 1
        isEmpty = index >= scalars.count && dashes.isEmpty || index < scalars.count && scalars[index] == "#"
        guard !isEmpty, index < scalars.count, !"[{|>".unicodeScalars.contains(scalars[index]) else { return }
        let quote = scalars[index] == "\"" || scalars[index] == "'" ? scalars[index] : nil
        var end = index + (quote == nil ? 0 : 1)
        if let quote { while end < scalars.count, scalars[end] != quote { end += 1 } }
        while end < scalars.count,
            !(scalars[end] == ":" && (end + 1 == scalars.count || " \t".unicodeScalars.contains(scalars[end + 1])))
        {
            if scalars[end] == " ", end + 1 < scalars.count, scalars[end + 1] == "#" { return }
            end += 1
        }
        guard end < scalars.count else { return }
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars[index..<end].filter { $0 != quote })
        key = String(text)
        colon = end + 1
        var after = end + 1
        while after < scalars.count, scalars[after] == " " || scalars[after] == "\t" { after += 1 }
        if after < scalars.count, scalars[after] != "#" { value = after + 1 }
    }
}
