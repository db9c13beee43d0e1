/// What libyaml says of a text that is no YAML, in people's words and at the place to mend.
///
/// No message repeats more of the text than punctuation and keys of ours: nobody knows what belongs to what.
struct YAMLMistake {
    typealias Place = YAMLScan.Place

    let source: SourceText
    let problem: String
    let context: String
    /// Where libyaml stopped, and where what it was reading began.
    let mark: Place
    let began: Place?

    struct Explanation {
        var place: Place
        var message: String
        var length = 1

        init(_ place: Place, _ message: String, length: Int = 1) {
            self.place = place
            self.message = message
            self.length = length
        }
    }

    func explain() -> Explanation {
        let scan = YAMLScan(source, upTo: mark.line)
        return blank ?? scan.finding.map(explain) ?? unclosed(scan.open.last, by: mark.line) ?? byProblem
            ?? Explanation(mark, "this is no YAML: \(problem)\(context.isEmpty ? "" : " \(context)")")
    }

    /// `{{ … }}`, which to YAML is a mapping as the key of a mapping; nil where there is none.
    static func template(at location: SourceLocation, in source: SourceText) -> Explanation? {
        guard let scalars = source.scalars(location.line), location.column > 1 else { return nil }
        let text = scalars.dropFirst(location.column - 2)
        guard text.starts(with: "{{".unicodeScalars) else { return nil }
        return Explanation(
            Place(line: location.line, column: location.column - 1),
            "'{{ … }}' is a template's, and nothing has filled it in; a reference is written ${NAME} or ${file:/path}", length: 2)
    }

    // MARK: What is seen in the text

    /// Blanks of other kinds than YAML's.
    private var blank: Explanation? {
        for number in Set([mark.line, max(1, mark.line - 1), began?.line ?? mark.line]).sorted() {
            guard let scalars = source.scalars(number) else { continue }
            let lead = scalars.prefix { $0 == "\t" || $0.properties.isWhitespace }
            if lead.contains("\t"), lead.count < scalars.count, number == mark.line {
                let column = (lead.firstIndex(of: "\t") ?? 0) + 1
                return Explanation(Place(line: number, column: column), "a tab cannot indent YAML; use spaces")
            }
            // Within a text it is no mistake.
            let found = scalars.firstIndex { $0 != " " && $0 != "\t" && $0.properties.isWhitespace }
            if let index = found, index < lead.count || index > 0 && ":-".unicodeScalars.contains(scalars[index - 1]) {
                return Explanation(
                    Place(line: number, column: index + 1),
                    "this blank is none to YAML (U+\(String(scalars[index].value, radix: 16, uppercase: true))); write a space")
            }
        }
        guard scalar(mark) == "\t" else { return nil }
        return Explanation(mark, "a tab cannot indent YAML; use spaces")
    }

    private func explain(_ finding: YAMLScan.Finding) -> Explanation {
        switch finding {
        case .unclosedQuote(let place):
            Explanation(place, "the quote that begins here is not closed")
        case .textBehindQuote(let place, let quote, true):
            Explanation(place, "a comma is missing before this, or the quote of column \(quote.column) ends too early")
        case .textBehindQuote(_, let quote, false):
            Explanation(
                quote,
                "text follows the closing quote: a value that begins with a quote ends with it; put all of it into quotes of the "
                    + "other kind")
        case .mismatch(let bracket, let closer, let place):
            Explanation(
                bracket.place,
                "the '\(bracket.scalar)' that begins here is not closed: '\(closer)' comes first, "
                    + (place.line == bracket.place.line ? "in column \(place.column)" : "on line \(place.line)"))
        case .strayCloser(let closer, let place):
            Explanation(place, "this '\(closer)' closes nothing")
        case .textBehindBracket(let place, let bracket):
            if let closer = "]}".unicodeScalars.first(where: { $0 == scalar(place) }) {
                Explanation(place, "this '\(closer)' closes nothing")
            } else {
                Explanation(
                    bracket.place,
                    "text follows the closing bracket: a text that begins with '\(bracket.scalar)' needs quotes around all of it")
            }
        case .bareReference(let place, let bracket):
            unclosed(bracket, by: place.line)
                ?? Explanation(place, "within [ ] and { } a reference needs quotes: \"${NAME}\"", length: 2)
        }
    }

    /// A bracket that was left open, by a line up to that one that belongs to no list or mapping in brackets.
    private func unclosed(_ open: YAMLScan.Bracket?, by last: Int) -> Explanation? {
        guard let bracket = open, bracket.place.line < last else { return nil }
        let isAtEnd = source.scalars(last + 1) == nil && line(last).isEmpty
        let opening = line(bracket.place.line)
        // What begins a line of its own may have its members right below it.
        let column = opening.key == nil && opening.dashes.isEmpty ? opening.column - 1 : opening.column
        let isLeft = (bracket.place.line + 1...last).contains { number in
            let line = line(number)
            return (line.key != nil || !line.dashes.isEmpty) && !line.isEmpty && (line.dashes.first ?? line.column) <= column
        }
        guard isAtEnd || isLeft else { return nil }
        return Explanation(bracket.place, "the '\(bracket.scalar)' that begins here is not closed")
    }

    // MARK: What libyaml says

    private var byProblem: Explanation? {
        if problem.contains("alphabetic or numeric character") { return sign }
        if problem.contains("cannot start any token") { return badStart }
        if problem.contains("mapping values are not allowed") { return unexpectedColon }
        if problem.contains("could not find expected ':'") { return missingColon }
        if problem.contains("expected key") || problem.contains("'-' indicator") { return wrongIndent }
        if problem.contains("block sequence entries are not allowed") {
            return Explanation(
                mark,
                "a list item cannot begin here: the first '- ' stands on a line of its own below the key, or the list in [ ]")
        }
        if problem.contains("unknown escape") {
            return Explanation(
                mark, "between double quotes a backslash begins an escape, and this is none; use single quotes, or write '\\\\'",
                length: 2)
        }
        if problem.contains("expected ',' or") { return missingComma }
        if problem.contains("expected comment or line break") {
            return Explanation(
                mark, "text stands behind '|' or '>' below the key, not beside it; text that begins with one needs quotes")
        }
        if problem.contains("expected node content") { return Explanation(mark, "a value is missing before this") }
        if problem.contains("unexpected ':'") { return Explanation(mark, "text with a colon here needs quotes") }
        if problem.contains("mapping keys are not allowed") { return Explanation(mark, "text that begins with '?' needs quotes") }
        if problem.contains("directive") { return Explanation(began ?? mark, "text that begins with '%' needs quotes") }
        if problem.contains("expected <document start>") {
            return isTOML
                ? Explanation(
                    mark, "this looks like TOML; proxyd's own file is YAML: 'key: value', and what is below a key indented")
                : Explanation(
                    mark, "nothing can follow what stands before: a file is one mapping of keys such as 'listen' and 'rules'")
        }
        if problem.contains("unexpected end of stream"), let began {
            return Explanation(began, "the quote that begins here is not closed")
        }
        return nil
    }

    /// `[server]` alone in a line.
    private var isTOML: Bool {
        guard let before = lineBefore(mark.line)?.scalars, before.first == "[", before.last == "]" else { return false }
        return line(mark.line).key == nil && source.scalars(mark.line)?.contains("=") == true
    }

    /// `*` and `&` are YAML's own.
    private var sign: Explanation? {
        let place = began ?? mark
        guard let sign = scalar(place), sign == "*" || sign == "&" else { return nil }
        let example = sign == "*" ? "[\"*\"]" : "\"&\""
        return Explanation(place, "text that begins with '\(sign)' needs quotes: \(example)")
    }

    private var badStart: Explanation? {
        guard let sign = scalar(mark) else { return nil }
        return Explanation(mark, "text that begins with '\(sign)' needs quotes")
    }

    private var unexpectedColon: Explanation? {
        let here = line(mark.line)
        let inValue = Explanation(mark, "a colon with a blank behind it ends a key: a value that holds one needs quotes")
        if here.colon != mark.column, here.colon != nil { return inValue }
        guard let before = lineBefore(mark.line) else { return inValue }
        if let dash = Self.gluedDash(before.scalars) {
            return Explanation(Place(line: before.number, column: dash), "a blank is missing behind the '-'")
        }
        let start = Place(line: mark.line, column: here.dashes.first ?? here.column)
        guard before.line.value != nil else {
            return before.line.key == nil ? missingColon(in: before.number) : inValue
        }
        let levels = levels(before: mark.line).map { "\(Self.spaces($0.column - 1)) put it beside \($0.name)" }
        let hint = levels.isEmpty ? "" : "; \(levels.prefix(3).joined(separator: ", "))"
        return Explanation(
            start,
            "indented deeper than line \(before.number), whose value is complete\(hint)", length: mark.column - start.column)
    }

    private var missingColon: Explanation? { missingColon(in: began?.line ?? mark.line) }

    private func missingColon(in number: Int) -> Explanation? {
        guard let scalars = source.scalars(number) else { return nil }
        let line = YAMLLine(scalars)
        if let dash = Self.gluedDash(scalars) {
            return Explanation(Place(line: number, column: dash), "a blank is missing behind the '-'")
        }
        let word = scalars.dropFirst(line.column - 1).prefix { Self.isOfName($0) }
        let behind = scalars.dropFirst(line.column - 1 + word.count)
        let name = Self.name(word)
        if !word.isEmpty, behind.first == ":", behind.dropFirst().first != "/" {
            return Explanation(
                Place(line: number, column: line.column + word.count),
                "a blank is missing behind the colon\(name.map { ": '\($0): …'" } ?? "")")
        }
        let sign = behind.drop { $0 == " " }
        if !word.isEmpty, sign.first == "=", let place = sign.indices.first {
            return Explanation(
                Place(line: number, column: place + 1),
                "a key ends with a colon, not with '='\(name.map { ": '\($0): …'" } ?? "")")
        }
        let example = name.map { "; after '\($0)' comes a colon" } ?? ""
        return Explanation(
            Place(line: number, column: line.column),
            "this is neither a key with its value ('key: value') nor an item of a list "
                + "('- item')\(example)", length: max(1, word.count))
    }

    private var wrongIndent: Explanation? {
        let here = line(mark.line)
        let start = Place(line: mark.line, column: here.dashes.first ?? here.column)
        guard start.column == mark.column else { return nil }
        let levels = levels(before: mark.line)
        if here.dashes.isEmpty, let list = levels.first(where: { $0.column == mark.column }), list.isDash {
            let inside = levels.last { $0.column > mark.column }
            let hint = inside.map { ": \(Self.spaces($0.column - 1)) put it beside \($0.name)" } ?? ""
            return Explanation(start, "this line belongs to no item of the list\(hint); a new item begins with '- '")
        }
        if !here.dashes.isEmpty, levels.contains(where: { $0.column == mark.column }) {
            return Explanation(start, "a list item ('- ') cannot stand beside the keys of a mapping")
        }
        let places = levels.prefix(3).map { "\($0.column - 1) put it beside \($0.name)" }.joined(separator: ", ")
        return Explanation(
            start, "indented by \(Self.spaces(mark.column - 1)), which fits no line above\(places.isEmpty ? "" : ": \(places)")")
    }

    private var missingComma: Explanation? {
        guard let began, let opener = scalar(began) else { return nil }
        if source.scalars(mark.line + 1) == nil, line(mark.line).isEmpty {
            return Explanation(began, "the '\(opener)' that begins here is not closed")
        }
        return Explanation(
            mark,
            "a comma is missing before this, or the '\(opener)' of "
                + (began.line == mark.line ? "column \(began.column)" : "line \(began.line)") + " is not closed")
    }

    // MARK: Lines

    private struct Level {
        var column: Int
        var name: String
        var isDash: Bool
    }

    /// What a line could stand beside, the nearest first.
    private func levels(before number: Int) -> [Level] {
        var found: [Level] = []
        var limit = Int.max
        var number = number - 1
        while number > 0, limit > 1 {
            let shape = line(number)
            if !shape.isEmpty {
                if shape.column < limit, shape.key != nil {
                    let word = shape.key.flatMap { SecretLines.isKnown($0) ? "'\($0)' (line \(number))" : nil }
                    found.append(Level(column: shape.column, name: word ?? "line \(number)", isDash: false))
                    limit = shape.column
                }
                for dash in shape.dashes.reversed() where dash < limit {
                    found.append(Level(column: dash, name: "the '- ' of line \(number)", isDash: true))
                    limit = dash
                }
            }
            number -= 1
        }
        return found
    }

    private static func spaces(_ count: Int) -> String { count == 1 ? "1 space" : "\(count) spaces" }

    private func line(_ number: Int) -> YAMLLine { YAMLLine(source.scalars(number) ?? []) }

    /// The nearest line above that says something.
    private func lineBefore(_ number: Int) -> (number: Int, line: YAMLLine, scalars: [Unicode.Scalar])? {
        var number = number - 1
        while number > 0, let scalars = source.scalars(number) {
            let line = YAMLLine(scalars)
            if !line.isEmpty { return (number, line, scalars) }
            number -= 1
        }
        return nil
    }

    private func scalar(_ place: Place) -> Unicode.Scalar? {
        source.scalars(place.line)?.dropFirst(max(0, place.column - 1)).first
    }

    /// The column of a `-` that text follows at once.
    private static func gluedDash(_ scalars: [Unicode.Scalar]) -> Int? {
        let indent = scalars.prefix { $0 == " " }.count
        guard indent + 1 < scalars.count, scalars[indent] == "-" else { return nil }
        let next = scalars[indent + 1]
        return next.properties.isAlphabetic || next == "\"" || next == "{" ? indent + 1 : nil
    }

    private static func isOfName(_ scalar: Unicode.Scalar) -> Bool {
        scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)) || scalar == "_"
    }

    /// The word if it is a key of ours.
    private static func name(_ word: some Sequence<Unicode.Scalar>) -> String? {
        var text = String.UnicodeScalarView()
        text.append(contentsOf: word)
        let name = String(text)
        return SecretLines.isKnown(name) ? name : nil
    }
}
