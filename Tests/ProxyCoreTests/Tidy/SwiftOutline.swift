/// The types of a source with what they store, and its functions with their lengths.
struct SwiftOutline: Sendable {
    struct TypeBody: Equatable, Sendable {
        var name: String
        var line: Int
        var stored: [String] = []
    }

    struct Function: Equatable, Sendable {
        var name: String
        var line: Int
        /// Lines between its braces.
        var length: Int
    }

    /// Without extensions and protocols: nothing is stored there.
    private(set) var types: [TypeBody] = []
    private(set) var functions: [Function] = []

    /// What a brace opened.
    private enum Scope: Sendable {
        case type(Int)
        /// An extension or a protocol.
        case members
        case function(name: String, line: Int, brace: Int)
        case other
    }

    /// A declaration whose brace has not come: it is the next one at this depth of parentheses.
    private struct Pending: Sendable {
        var scope: Scope
        var depth: Int
    }

    let tokens: [SwiftTokens.Token]
    private var scopes: [Scope] = []
    private var pending: Pending?
    private var depth = 0

    init(_ text: String) {
        tokens = SwiftTokens(text).tokens
        for index in tokens.indices { take(index) }
    }

    private mutating func take(_ index: Int) {
        let token = tokens[index]
        if case .sign(let sign) = token.kind {
            switch Character(Unicode.Scalar(sign)) {
            case "(", "[": depth += 1
            case ")", "]": depth -= 1
            case "{": open(token.line)
            case "}": close(token.line)
            default: break
            }
            return
        }
        guard let word = token.word, !isMember(index) else { return }
        switch word {
        case "struct", "class", "enum", "actor":
            if let name = typeName(after: index) {
                types.append(TypeBody(name: name, line: token.line))
                pending = Pending(scope: .type(types.count - 1), depth: depth)
            }
        case "extension", "protocol":
            if self.word(index + 1) != nil { pending = Pending(scope: .members, depth: depth) }
        case "func", "init", "deinit", "subscript":
            guard word == "func" || isDeclared(index) else { return }
            let name = word == "func" ? self.word(index + 1) ?? "operator" : word
            pending = Pending(scope: .function(name: name, line: token.line, brace: 0), depth: depth)
        case "let", "var": if declaresMembers { property(index) }
        default: break
        }
    }

    private func word(_ index: Int) -> String? { tokens.indices.contains(index) ? tokens[index].word : nil }
    private func sign(_ index: Int, _ character: Character) -> Bool {
        tokens.indices.contains(index) && tokens[index].isSign(character)
    }

    /// `x.init`, `.struct`.
    private func isMember(_ index: Int) -> Bool { sign(index - 1, ".") }

    /// The name of the type that is declared there; nil where the word is a modifier or a name itself.
    private func typeName(after index: Int) -> String? {
        guard let name = word(index + 1), !["func", "var", "let", "subscript", "init"].contains(name) else { return nil }
        let isDeclaration =
            sign(index + 2, ":") || sign(index + 2, "{") || sign(index + 2, "<") || sign(index + 2, ".")
            || ["where"].contains(word(index + 2) ?? "")
        return isDeclaration ? name : nil
    }

    /// Whether members are declared here, or what stands outside of all types: it is no body.
    private var declaresMembers: Bool {
        switch scopes.last {
        case .type, .members, nil: true
        case .function, .other: false
        }
    }

    /// Whether `init` and the like are declared there, not called.
    private func isDeclared(_ index: Int) -> Bool {
        guard declaresMembers else { return false }
        return sign(index + 1, "(") || sign(index + 1, "<") || sign(index + 1, "?") || sign(index + 1, "{")
            || word(index) == "deinit"
    }

    private mutating func open(_ line: Int) {
        if let next = pending, next.depth == depth {
            pending = nil
            if case .function(let name, let declared, _) = next.scope {
                scopes.append(.function(name: name, line: declared, brace: line))
            } else {
                scopes.append(next.scope)
            }
        } else {
            scopes.append(.other)
        }
    }

    private mutating func close(_ line: Int) {
        // The end of a closure among a function's parameters ends nothing of the function.
        if let next = pending, next.depth >= depth { pending = nil }
        guard let scope = scopes.popLast() else { return }
        if case .function(let name, let declared, let brace) = scope {
            functions.append(Function(name: name, line: declared, length: max(line - brace - 1, 0)))
        }
    }

    // MARK: Properties

    private mutating func property(_ index: Int) {
        let reading = readProperty(index)
        if reading.isComputed {
            pending = Pending(scope: .function(name: reading.names.first ?? "", line: tokens[index].line, brace: 0), depth: depth)
        } else {
            pending = nil
        }
        guard case .type(let type) = scopes.last, !reading.isComputed, !isStatic(index) else { return }
        types[type].stored += reading.names
    }

    /// Whether modifiers before it, on its line or on lines of attributes, say that it belongs to the type.
    private func isStatic(_ index: Int) -> Bool {
        var place = index - 1
        while place >= 0, tokens[place].line == tokens[index].line, !sign(place, "{"), !sign(place, "}"), !sign(place, ";") {
            if ["static", "class"].contains(word(place) ?? "") { return true }
            place -= 1
        }
        return false
    }

    private func readProperty(_ index: Int) -> (names: [String], isComputed: Bool) {
        var names = [word(index + 1) ?? ""]
        var (inner, angles, isAssigned) = (0, 0, false)
        var place = index + 1
        while place < tokens.count {
            let token = tokens[place]
            if inner == 0, place > index + 1, endsBefore(place) { break }
            switch token.kind {
            case .sign(let sign):
                switch Character(Unicode.Scalar(sign)) {
                case "(", "[": inner += 1
                case ")", "]", "}":
                    if inner == 0 { return (names, false) }
                    inner -= 1
                case "{":
                    if inner == 0, !isAssigned {
                        return (names, !["didSet", "willSet"].contains(word(place + 1) ?? ""))
                    }
                    inner += 1
                case "<" where !isAssigned: angles += 1
                case ">" where !isAssigned && !self.sign(place - 1, "-"): angles -= 1
                case "=" where inner == 0 && angles <= 0: isAssigned = true
                case ",":
                    if inner == 0, angles <= 0 || isAssigned, let name = word(place + 1) { names.append(name) }
                case ";" where inner == 0: return (names, false)
                default: break
                }
            case .word, .literal: break
            }
            place += 1
        }
        return (names, false)
    }

    /// Whether a declaration has ended before this token: it begins a line that nothing carries on.
    private func endsBefore(_ place: Int) -> Bool {
        let (token, before) = (tokens[place], tokens[place - 1])
        guard token.line > before.line else { return false }
        if case .sign(let sign) = before.kind, "=,:&|+-*/<([{".utf8.contains(sign) { return false }
        if case .sign(let sign) = token.kind, ".?:&|+-*/=<>)]{".utf8.contains(sign) { return false }
        return true
    }
}
