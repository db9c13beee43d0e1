/// RE2's syntax without what needs memory of what was matched: groups group, they capture nothing.
/// Not taken: back references and look-around (RE2 has none either), `\p{…}` classes, `\C`.
struct RegexParser {
    private let scalars: [Unicode.Scalar]
    private var position = 0
    private var nesting = 0
    private var flags = Flags()

    /// Groups within each other, repetitions of one item, characters of a pattern.
    private static let maxNesting = 48
    private static let maxRepeat = 1_000
    private static let maxLength = 4_096

    private struct Flags {
        var ignoresCase = false
        var isMultiline = false
        var dotTakesNewline = false
    }

    static func parse(_ pattern: String) throws(RegexProblem) -> RegexTree {
        guard pattern.utf8.count <= maxLength else { throw RegexProblem(message: "it is longer than \(maxLength) bytes") }
        var parser = RegexParser(scalars: Array(pattern.unicodeScalars))
        let tree = try parser.alternatives()
        guard parser.position == parser.scalars.count else { throw RegexProblem(message: "a ')' too many") }
        return tree
    }

    private init(scalars: [Unicode.Scalar]) { self.scalars = scalars }

    private func peek(_ ahead: Int = 0) -> Unicode.Scalar? {
        position + ahead < scalars.count ? scalars[position + ahead] : nil
    }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard peek() == scalar else { return false }
        position += 1
        return true
    }

    private mutating func next() throws(RegexProblem) -> Unicode.Scalar {
        guard let scalar = peek() else { throw RegexProblem(message: "it ends too early") }
        position += 1
        return scalar
    }

    private mutating func alternatives() throws(RegexProblem) -> RegexTree {
        var branches = [try sequence()]
        while take("|") { branches.append(try sequence()) }
        return branches.count == 1 ? branches[0] : .alternatives(branches)
    }

    private mutating func sequence() throws(RegexProblem) -> RegexTree {
        var items: [RegexTree] = []
        while let scalar = peek(), scalar != "|", scalar != ")" {
            let item = try atom()
            items.append(try quantified(item))
        }
        return items.count == 1 ? items[0] : items.isEmpty ? .empty : .sequence(items)
    }

    private mutating func quantified(_ item: RegexTree) throws(RegexProblem) -> RegexTree {
        let bounds: (Int, Int?)
        switch peek() {
        case "*": (bounds, position) = ((0, nil), position + 1)
        case "+": (bounds, position) = ((1, nil), position + 1)
        case "?": (bounds, position) = ((0, 1), position + 1)
        case "{":
            guard let counted = try counted() else { return item }
            bounds = counted
        default: return item
        }
        _ = take("?")
        if let again = peek(), again == "*" || again == "+" || again == "?" {
            throw RegexProblem(message: "'\(again)' repeats nothing")
        }
        return .repeated(item, bounds.0, bounds.1)
    }

    /// `{2}`, `{2,}`, `{2,5}`; any other brace is a character.
    private mutating func counted() throws(RegexProblem) -> (Int, Int?)? {
        let start = position
        position += 1
        let low = number()
        var high = low
        if take(",") { high = number() }
        let isOpen = high == nil
        guard let low, take("}") else {
            position = start
            return nil
        }
        guard low <= RegexParser.maxRepeat, isOpen || (high ?? 0) <= RegexParser.maxRepeat, isOpen || low <= (high ?? 0)
        else { throw RegexProblem(message: "a repetition is out of range, \(RegexParser.maxRepeat) is the most") }
        return (low, high)
    }

    private mutating func number() -> Int? {
        var digits = ""
        while let scalar = peek(), ("0"..."9").contains(scalar), digits.utf8.count < 6 {
            digits.unicodeScalars.append(scalar)
            position += 1
        }
        return Int(digits)
    }

    private mutating func atom() throws(RegexProblem) -> RegexTree {
        let scalar = try next()
        switch scalar {
        case "(": return try group()
        case "[": return .set(try characterClass())
        case ".": return .set(flags.dotTakesNewline ? .any : .anyButNewline)
        case "^": return .assertion(flags.isMultiline ? .lineStart : .textStart)
        case "$": return .assertion(flags.isMultiline ? .lineEnd : .textEnd)
        case "\\": return try escape()
        case "*", "+", "?": throw RegexProblem(message: "'\(scalar)' repeats nothing")
        default:
            return literal(RegexSet(scalar))
        }
    }

    private func literal(_ set: RegexSet) -> RegexTree { .set(flags.ignoresCase ? set.ignoringCase : set) }

    private mutating func group() throws(RegexProblem) -> RegexTree {
        nesting += 1
        defer { nesting -= 1 }
        guard nesting <= RegexParser.maxNesting else { throw RegexProblem(message: "its groups are nested too deeply") }
        let outer = flags
        if take("?") {
            if try !special() { return .empty }
        }
        let tree = try alternatives()
        guard take(")") else { throw RegexProblem(message: "a ')' is missing") }
        flags = outer
        return tree
    }

    /// Reads what follows `(?`: a name, flags, or both; false when the group was flags alone, `(?i)`, which hold to the end of the
    /// group around.
    private mutating func special() throws(RegexProblem) -> Bool {
        if peek() == "P" || peek() == "<" {
            _ = take("P")
            guard take("<") else { throw RegexProblem(message: "this group is not known") }
            guard let first = peek(), first != "=", first != "!" else {
                throw RegexProblem(message: "look-behind is not possible")
            }
            while try next() != ">" {}
            return true
        }
        var isOn = true
        while true {
            switch try next() {
            case "i": flags.ignoresCase = isOn
            case "m": flags.isMultiline = isOn
            case "s": flags.dotTakesNewline = isOn
            case "U": break
            case "-": isOn = false
            case ":": return true
            case ")": return false
            case "=", "!": throw RegexProblem(message: "look-ahead is not possible")
            default: throw RegexProblem(message: "this group is not known")
            }
        }
    }

    private mutating func escape() throws(RegexProblem) -> RegexTree {
        switch peek() {
        case "A": assertion(.textStart)
        case "z": assertion(.textEnd)
        case "b": assertion(.wordBoundary)
        case "B": assertion(.noWordBoundary)
        case "Q": quotedRun()
        default: literal(try escapedSet())
        }
    }

    private mutating func assertion(_ assertion: RegexAssertion) -> RegexTree {
        position += 1
        return .assertion(assertion)
    }

    /// `\Q…\E`: everything in between is itself.
    private mutating func quotedRun() -> RegexTree {
        position += 1
        var items: [RegexTree] = []
        while let scalar = peek() {
            if scalar == "\\", peek(1) == "E" {
                position += 2
                break
            }
            position += 1
            items.append(literal(RegexSet(scalar)))
        }
        return .sequence(items)
    }

    /// Reads what follows a backslash, inside a class or out of it.
    private mutating func escapedSet() throws(RegexProblem) -> RegexSet {
        let scalar = try next()
        switch scalar {
        case "d": return .digits
        case "D": return RegexSet.digits.inverted
        case "w": return .word
        case "W": return RegexSet.word.inverted
        case "s": return .space
        case "S": return RegexSet.space.inverted
        case "a": return RegexSet("\u{07}")
        case "f": return RegexSet("\u{0C}")
        case "n": return RegexSet("\n")
        case "r": return RegexSet("\r")
        case "t": return RegexSet("\t")
        case "v": return RegexSet("\u{0B}")
        case "x": return RegexSet(try hexadecimal())
        case "1"..."9": throw RegexProblem(message: "back references are not possible")
        case "p", "P": throw RegexProblem(message: "Unicode classes are not possible")
        case _ where scalar.properties.isAlphabetic || scalar == "0":
            throw RegexProblem(message: "'\\\(scalar)' is not known")
        default: return RegexSet(scalar)
        }
    }

    /// Reads what follows `\x`: two digits, or any number in braces.
    private mutating func hexadecimal() throws(RegexProblem) -> Unicode.Scalar {
        var digits = ""
        if take("{") {
            while peek() != "}", digits.utf8.count < 8 { digits.unicodeScalars.append(try next()) }
            guard take("}") else { throw RegexProblem(message: "a '}' is missing") }
        } else {
            digits.unicodeScalars.append(try next())
            digits.unicodeScalars.append(try next())
        }
        guard digits.utf8.allSatisfy(\.isHexDigit), let value = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(value)
        else { throw RegexProblem(message: "'\\x\(digits)' is no character") }
        return scalar
    }

    /// Reads what follows `[`.
    private mutating func characterClass() throws(RegexProblem) -> RegexSet {
        var ranges: [ClosedRange<UInt32>] = []
        let isInverted = take("^")
        var isFirst = true
        while isFirst || peek() != "]" {
            isFirst = false
            if peek() == "[", peek(1) == ":" {
                ranges += try posixClass().ranges
                continue
            }
            let low = try classItem()
            guard peek() == "-", let after = peek(1), after != "]" else {
                ranges += low.ranges
                continue
            }
            position += 1
            let high = try classItem()
            guard let first = low.single, let last = high.single, first <= last else {
                throw RegexProblem(message: "a range in brackets is the wrong way round")
            }
            ranges.append(first...last)
        }
        position += 1
        var set = RegexSet(ranges)
        if flags.ignoresCase { set = set.ignoringCase }
        return isInverted ? set.inverted : set
    }

    private mutating func classItem() throws(RegexProblem) -> RegexSet {
        let scalar = try next()
        return scalar == "\\" ? try escapedSet() : RegexSet(scalar)
    }

    private mutating func posixClass() throws(RegexProblem) -> RegexSet {
        position += 2
        let isInverted = take("^")
        var name = ""
        while let scalar = peek(), scalar != ":" {
            name.unicodeScalars.append(scalar)
            position += 1
        }
        guard take(":"), take("]"), let set = RegexSet.posix[name] else { throw RegexProblem(message: "this class is not known") }
        return isInverted ? set.inverted : set
    }
}

extension RegexSet {
    fileprivate var single: UInt32? {
        guard ranges.count == 1, ranges[0].count == 1 else { return nil }
        return ranges[0].lowerBound
    }
}
