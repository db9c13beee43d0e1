/// Which lines of a file may be shown, and how much of them: a caret always has a line, but within a secret of several lines.
///
/// The second guard: the first knows the values that are secrets, this one only sees the text, and so works where the file
/// is not even YAML. There it takes every word for a secret that it cannot account for.
enum SecretLines {
    /// The line, or nil when it or the one before it looks as if it held a secret.
    static func printable(_ number: Int, of source: SourceText) -> String? {
        guard let line = source.line(number), !mayHoldSecret(line) else { return nil }
        if let before = source.line(number - 1), isUnfinishedSecret(before), indentation(line) > indentation(before) {
            return nil
        }
        return line
    }

    static func mayHoldSecret(_ line: String) -> Bool {
        if marks.contains(where: { line.contains($0) }) || !literals(in: line).isEmpty { return true }
        return words(of: line).contains { word in
            switch word.role {
            case .key(let hasValue, _): hasValue && smellsOfSecrets(word.text) || SecretWords.looksLikeKey(word.text)
            case .value, .comment:
                SecretWords.looksLikeKey(word.text) || SecretWords.isRevealingAddress(word.text) || isAssignment(word.text)
            }
        }
    }

    /// A line of a file that could not be read, with every word masked but names of keys and the values of keys that hold none:
    /// nobody knows what belongs to what.
    static func masked(_ number: Int, of source: SourceText) -> String? {
        guard let line = source.line(number) else { return nil }
        var shown = Array(line.unicodeScalars)
        for word in words(of: line) where !isHarmless(word) {
            for index in word.range where shown.indices.contains(index) { shown[index] = "*" }
        }
        return shown.reduce(into: "") { $0.unicodeScalars.append($1) }
    }

    /// A line that may hold a secret, with every word masked but the schema's keys, values that can be none, and what the message
    /// repeats; nil where a secret may go on in it.
    /// - Parameter spans: scalars of values that may be secrets.
    static func excerpt(_ number: Int, of source: SourceText, hiding spans: [Range<Int>], naming message: String) -> String? {
        guard let line = source.line(number) else { return nil }
        if let before = source.line(number - 1), isUnfinishedSecret(before), indentation(line) > indentation(before) {
            return nil
        }
        var shown = Array(line.unicodeScalars)
        for word in words(of: line) {
            let isHidden = spans.contains { $0.overlaps(word.range) } || SecretWords.looksLikeKey(word.text)
            if !isHidden, isHarmless(word, naming: message) { continue }
            for index in word.range where shown.indices.contains(index) { shown[index] = "*" }
        }
        return shown.reduce(into: "") { $0.unicodeScalars.append($1) }
    }

    private static func isHarmless(_ word: Word, naming message: String) -> Bool {
        let isNamed = isPlain(word.text) && message.contains("'\(word.text)'")
        switch word.role {
        case .key(let hasValue, let isMisplaced):
            // Without a value it may be a secret that lost its key.
            let isOwnName = hasValue && !isMisplaced && !word.isBehindWords && isName(word.text)
            return isNamed || isOwnName || isKnown(String(word.text))
        case .value(let key?, isFirst: true):
            return isNamed || !word.isBehindWords && harmless.contains(String(key)) && isPlain(word.text)
        case .value: return isNamed
        case .comment: return false
        }
    }

    // MARK: Words

    fileprivate struct Word {
        enum Role: Equatable {
            /// A colon follows, and something behind it in the same line or not; `isMisplaced` where a value was to be expected.
            case key(hasValue: Bool, isMisplaced: Bool)
            /// The word of what is under the key, or none that is seen; `isFirst` of what one value has.
            case value(of: Substring?, isFirst: Bool)
            case comment
        }

        var text: Substring
        /// Unicode scalars of the line.
        var range: Range<Int>
        var role: Role
        /// Whether what looks like its key has words before it, so that it is the end of another.
        var isBehindWords = false
    }

    private static func isHarmless(_ word: Word) -> Bool {
        guard !SecretWords.looksLikeKey(word.text) else { return false }
        switch word.role {
        case .key(_, let isMisplaced): return isName(word.text) && (!isMisplaced || known.contains(String(word.text)))
        case .value(let key?, isFirst: true): return harmless.contains(String(key)) && isPlain(word.text)
        case .value, .comment: return false
        }
    }

    /// Cuts a line at blanks and at YAML's punctuation, and finds out what is a key.
    private static func words(of line: String) -> [Word] {
        var cutter = WordCutter(line)
        cutter.cut()
        return cutter.words
    }

    /// `sig=…`, as in the query of an address, and no comparison.
    private static func isAssignment(_ word: Substring) -> Bool {
        let parts = word.split(separator: "=", omittingEmptySubsequences: false)
        guard parts.count == 2, let last = parts[0].last else { return false }
        return !"!<>".contains(last) && !parts[1].isEmpty
    }

    private static func isName(_ text: Substring) -> Bool {
        text.utf8.count <= 40 && text.utf8.allSatisfy(Schema.isNameByte)
    }

    private static func isPlain(_ text: Substring) -> Bool {
        text.utf8.count <= 64
            && text.unicodeScalars.allSatisfy {
                $0.isASCII && $0.properties.isAlphabetic || ("0"..."9").contains($0) || "._-/*:%~".unicodeScalars.contains($0)
            }
    }

    /// A name of the user's that sounds like a credential's: a header's, or a key of the schema with a slip in it.
    private static func smellsOfSecrets(_ name: Substring) -> Bool {
        guard !known.contains(String(name)) else { return false }
        let name = name.lowercased()
        return name.hasPrefix("x-") || SecretWords.smells.contains { name.contains($0) }
    }

    // MARK: Secrets of the schema

    /// A secret whose text may go on in the next line.
    private static func isUnfinishedSecret(_ line: String) -> Bool {
        guard let value = literals(in: line).last else { return false }
        return value.isEmpty || value.hasPrefix("|") || value.hasPrefix(">") || !"\"'},".contains(value.last ?? "\"")
    }

    /// Columns before the first key or value.
    private static func indentation(_ line: String) -> Int {
        line.prefix { $0 == " " || $0 == "-" }.count
    }

    /// What follows the names of secrets in a line, where it is no reference. Something else may stand for the colon.
    private static func literals(in line: String) -> [Substring] {
        var found: [Substring] = []
        for name in names where line.contains(name) {
            var rest = line[...]
            while let range = rest.firstRange(of: name) {
                let before = range.lowerBound > line.startIndex ? line[line.index(before: range.lowerBound)] : " "
                rest = rest[range.upperBound...]
                guard !before.isLetter, !before.isNumber, before != "_", before != "-" else { continue }
                if let next = rest.first, next.isLetter || next.isNumber || "_-.".contains(next) { continue }
                let afterName = rest.drop { $0 == "\"" || $0 == "'" || $0 == " " }
                let isKey = afterName.first == ":"
                guard isKey || afterName.contains(where: { $0.isLetter || $0.isNumber }) else { continue }
                let value = (isKey ? afterName.dropFirst() : afterName).drop { $0 == " " || $0 == "\"" || $0 == "'" }
                if !value.hasPrefix("${") || value.hasPrefix("${") && value.prefix(while: { $0 != "}" }).contains(":-") {
                    found.append(value)
                }
            }
        }
        return found
    }

    /// Beginnings of well-known credentials.
    private static let marks = ["sk-", "AIza", "xai-", "gsk_", "Bearer ", "ghp_", "-----BEGIN"]

    /// Every key of the schema whose value is a secret.
    private static let names: [String] = Array(Set(collect(.mapping(Schema.Root.mapping)) { $0.isSecret })).sorted()

    /// Every key of the schema.
    private static let known = Set(collect(.mapping(Schema.Root.mapping)) { _ in true })

    /// Whether a word is a key of the schema, and so can be shown.
    static func isKnown(_ word: String) -> Bool { known.contains(word) }

    /// Keys whose values are words of ours, numbers or names, wherever they stand.
    private static let harmless: Set<String> = {
        let root = Schema.Shape.mapping(Schema.Root.mapping)
        let free = Set(collect(root) { !isClosed($0) })
        return Set(collect(root) { isClosed($0) }).subtracting(free).union([
            "models", "tiers", "name", "upstream", "model", "policy",
        ])
    }()

    /// Whether a value can hardly be anything but what it should be.
    private static func isClosed(_ shape: Schema.Shape) -> Bool {
        switch shape {
        case .scalar(let scalar):
            !scalar.isSecret && !scalar.isFree
                && (!scalar.choices.isEmpty || scalar.json.contains { $0 == .integer || $0 == .number || $0 == .boolean })
        case .list(let item), .oneOrList(let item): isClosed(item)
        case .either(let short, let long, _): isClosed(short) && isClosed(long)
        case .entries, .mapping, .json: false
        }
    }

    private static func collect(_ shape: Schema.Shape, _ isWanted: (Schema.Shape) -> Bool) -> [String] {
        switch shape {
        case .scalar, .json: []
        case .list(let item), .oneOrList(let item): collect(item, isWanted)
        case .entries(let item, _): collect(item, isWanted)
        case .either(let short, let long, _): collect(short, isWanted) + collect(long, isWanted)
        case .mapping(let mapping):
            mapping.keys.flatMap { key in (isWanted(key.shape) ? [key.name] : []) + collect(key.shape, isWanted) }
        }
    }
}

/// Cuts a line into words, from its beginning to its end.
private struct WordCutter {
    private(set) var words: [SecretLines.Word] = []
    private let line: String
    private let scalars: String.UnicodeScalarView
    private var index: String.Index
    /// Scalars before `index`.
    private var position = 0
    /// The key whose value comes.
    private var key: Substring?
    private var isFirst = true
    private var isAfterKey = false
    private var isKeyBehindWords = false
    private var isComment = false
    private var isInList = false

    init(_ line: String) {
        self.line = line
        scalars = line.unicodeScalars
        index = scalars.startIndex
    }

    mutating func cut() {
        while index < scalars.endIndex {
            if Self.isBreak(scalars[index]) { passBreak(scalars[index]) } else { takeWord() }
        }
    }

    private static func isBreak(_ scalar: Unicode.Scalar) -> Bool { " \t{}[],\"'".unicodeScalars.contains(scalar) }

    private mutating func step() {
        index = scalars.index(after: index)
        position += 1
    }

    private mutating func passBreak(_ scalar: Unicode.Scalar) {
        if scalar == "," || scalar == "[" || scalar == "{" {
            isFirst = true
            isAfterKey = false
        }
        // What follows belongs to the key only as another item of its list.
        if scalar == "[" { isInList = true }
        if scalar == "{" || scalar == "}" || scalar == "]" { isInList = false }
        if "{}".unicodeScalars.contains(scalar) || (scalar == "," && !isInList) { key = nil }
        step()
    }

    private mutating func takeWord() {
        if scalars[index] == "#", index == scalars.startIndex || Self.isBreak(scalars[scalars.index(before: index)]) {
            isComment = true
        }
        let (start, from) = (index, position)
        while index < scalars.endIndex, !Self.isBreak(scalars[index]) {
            let next = scalars.index(after: index)
            let endsKey = next == scalars.endIndex || Self.isBreak(scalars[next])
            if scalars[index] == ":", endsKey, index != start { break }
            step()
        }
        let text = line[start..<index]
        if isComment {
            words.append(SecretLines.Word(text: text, range: from..<position, role: .comment))
        } else if text != "-", let value = valueBehindColon() {
            takeKey(text, from: from, value)
        } else if !text.allSatisfy({ "-|>+&*!?:".contains($0) }) {
            // Punctuation alone says nothing, but begins no value either.
            words.append(
                SecretLines.Word(
                    text: text, range: from..<position, role: .value(of: key, isFirst: isFirst), isBehindWords: isKeyBehindWords))
            isFirst = false
        }
    }

    /// What follows the colon that makes a key of the word before it; nil where there is none.
    private func valueBehindColon() -> Substring.UnicodeScalarView? {
        // A key may end in a quote before its colon.
        var after = scalars[index...]
        if let quote = after.first, quote == "\"" || quote == "'" { after = after.dropFirst() }
        after = after.drop { $0 == " " }
        guard after.first == ":" else { return nil }
        return after.dropFirst().drop { $0 == " " || $0 == "\t" }
    }

    private mutating func takeKey(_ text: Substring, from: Int, _ value: Substring.UnicodeScalarView) {
        let isReference = value.starts(with: "${".unicodeScalars) && !value.prefix { $0 != "}" }.contains(":")
        let hasValue = value.first.map { !",}]#".unicodeScalars.contains($0) } ?? false
        isKeyBehindWords = !isFirst || isAfterKey
        words.append(
            SecretLines.Word(
                text: text, range: from..<position,
                role: .key(hasValue: hasValue && !isReference, isMisplaced: isAfterKey), isBehindWords: isKeyBehindWords))
        key = text
        isAfterKey = true
        isFirst = true
        while index < scalars.endIndex, scalars[index] != ":" { step() }
        if index < scalars.endIndex { step() }
    }
}
