import Basics
import Foundation
import RuleEngine

extension Schema.Kind where Value == String {
    /// Any text but the empty one.
    static func text(_ noun: String = "text", pattern: String = Schema.Pattern.line) -> Self {
        scalar(Schema.Scalar(noun: noun, json: Schema.Scalar.anyText, pattern: pattern)) { text throws(Schema.Problem) in
            guard !text.value.isEmpty else { throw Schema.Problem("is empty; expected \(noun)") }
            guard !text.value.unicodeScalars.contains(where: { $0.isControl }) else {
                throw Schema.Problem("holds a control character")
            }
            return text.value
        }
    }

    /// A sentence or several; a block scalar's last newline does not count.
    static func prose(_ noun: String) -> Self {
        scalar(Schema.Scalar(noun: noun, json: Schema.Scalar.anyText, pattern: Schema.Pattern.anything)) {
            text throws(Schema.Problem) in
            let value = text.value.hasSuffix("\n") ? String(text.value.dropLast()) : text.value
            guard !value.isEmpty else { throw Schema.Problem("is empty; expected \(noun)") }
            return value
        }
    }

    /// Free text in a list or a mapping of the user's: a number or a boolean is its own text.
    static var anyText: Self {
        scalar(Schema.Scalar(noun: "text", json: Schema.Scalar.anyText)) { text throws(Schema.Problem) in text.value }
    }

    /// Letters, digits, `.`, `_` and `-`.
    static func name(_ noun: String) -> Self {
        scalar(Schema.Scalar(noun: noun, json: Schema.Scalar.anyText, pattern: Schema.Pattern.name)) {
            text throws(Schema.Problem) in
            guard Schema.isName(text.value) else {
                let article = noun.hasPrefix("a") || noun.hasPrefix("A") ? "an" : "a"
                throw Schema.Problem("\(text.shown) is not \(article) \(noun); it may hold letters, digits, '.', '_' and '-'")
            }
            return text.value
        }
    }

    /// A path, relative to where proxyd runs.
    static func path(_ noun: String) -> Self {
        barePath(noun).map { value, node, path, context in
            if let note = Schema.homeNote(on: value) { context.warning(at: node, path, note) }
            return value
        }
    }

    /// The same where a `~` is told with whatever else is wrong with it.
    static func barePath(_ noun: String) -> Self {
        scalar(Schema.Scalar(noun: noun, json: Schema.Scalar.anyText, pattern: Schema.Pattern.path)) {
            text throws(Schema.Problem) in
            guard !text.value.isEmpty else { throw Schema.Problem("is empty; expected \(noun)") }
            guard !text.value.holds("://") else { throw Schema.Problem("\(text.shown) is not \(noun)") }
            return text.value
        }
    }

    /// A file that must be there now; relative to the directory of the configuration file. The value is the path to open.
    static func inputFile(_ noun: String) -> Self {
        let text = text(noun)
        return Self(shape: text.shape) { node, path, context in
            guard let value = text.decode(node, path, context) else { return nil }
            let file = context.resolve(path: value)
            if case .failure(let failure) = context.files.read(file) {
                let name = context.holdsReference(node) ? "the file" : LoadContext.quoted(value)
                context.error(at: node, path, "\(name): \(Schema.withHomeNote(failure.message, on: value))")
                return nil
            }
            return file
        }
    }
}

extension Schema {
    /// What is said of a path that only a shell would have read; nil for others.
    static func homeNote(on path: String) -> String? {
        guard path.hasPrefix("~/") else { return nil }
        return "'~' is no home directory here, but a folder of that name; write the whole path"
    }

    /// Why a path cannot be used, and that besides.
    static func withHomeNote(_ problem: String, on path: String) -> String {
        homeNote(on: path).map { "\(problem); \($0)" } ?? problem
    }

    static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy(isNameByte)
    }

    static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}

extension Schema.Kind where Value == Secret {
    /// A reference or a literal that can stand in a header; never shown.
    static var secret: Self { secret(isForHeader: true) }

    /// One that is only reckoned with, and may hold blanks.
    static var passphrase: Self { secret(isForHeader: false) }

    private static func secret(isForHeader: Bool) -> Self {
        let shape = Schema.Scalar(
            noun: "secret", json: Schema.Scalar.anyText, pattern: isForHeader ? Schema.Pattern.header : Schema.Pattern.anything,
            isSecret: true, shown: Schema.Shown.redacted)
        return Self(shape: .scalar(shape)) { node, path, context in
            context.hide(node)
            guard let text = context.text(node, path, expecting: "a secret") else { return nil }
            guard !text.value.isEmpty else {
                context.error(at: node, path, "is empty; expected a secret")
                return nil
            }
            guard
                !isForHeader
                    || !text.value.unicodeScalars.contains(where: { $0.isControl || $0 == " " })
            else {
                let reason = SuspectValues.reason(forBlanksIn: text.value)
                context.error(at: node, path, reason ?? "holds white space or a control character, which no header can carry")
                return nil
            }
            if isForHeader, let problem = SuspectValues.problem(with: text.value) { context.warning(at: node, path, problem) }
            if !text.holdsReference, text.value != Account.clientsWord { context.literalSecret(node, path) }
            return Secret(text.value)
        }
    }
}

extension Schema.Kind where Value: RawRepresentable & CaseIterable & Sendable & Hashable, Value.RawValue == String {
    /// One of the enumeration's words. `inactive` is about words that change nothing yet, and why.
    static func choice(_ noun: String, inactive: [Value: String] = [:]) -> Self {
        let words = Value.allCases.map(\.rawValue)
        let parsed = scalar(Schema.Scalar(noun: noun, choices: words)) { text throws(Schema.Problem) in
            if let value = Value(rawValue: text.value) { return value }
            let hint = Suggestion.nearest(to: text.value, among: words).map { "did you mean '\($0)'?" }
            throw Schema.Problem("\(text.shown) is not \(Article.with(noun)) (\(hint ?? words.joined(separator: ", ")))")
        }
        return parsed.map { value, node, path, context in
            if let why = inactive[value] { context.warning(at: node, path, why) }
            return value
        }
    }
}

extension Schema.Kind where Value == AddressRange {
    static var addressRange: Self {
        let shape = Schema.Scalar(
            noun: "address or CIDR block", pattern: Schema.Pattern.addressRange,
            shown: { AddressRange($0).map { .string($0.description) } })
        return scalar(shape) { text throws(Schema.Problem) in
            guard let range = AddressRange(text.value) else {
                throw Schema.Problem("\(text.shown) is not an address or CIDR block; write 10.0.0.0/8 or ::1")
            }
            return range
        }
    }
}

extension Schema.Kind where Value == TrustedProxy {
    static var trustedProxy: Self {
        scalar(Schema.Scalar(noun: "address, CIDR block or `unix`", pattern: "unix|\(Schema.Pattern.addressRange)")) {
            text throws(Schema.Problem) in
            if text.value == "unix" { return .unixSockets }
            guard let range = AddressRange(text.value) else {
                throw Schema.Problem("\(text.shown) is not an address or CIDR block; write 10.0.0.0/8, ::1 or unix")
            }
            return .range(range)
        }
        .map { proxy, node, path, context in
            if case .range(let range) = proxy, range.description.hasSuffix("/0") {
                context.warning(
                    at: node, path, "believes everybody: 'allow_from' and 'client.ip' go by what any client says of its address")
            }
            return proxy
        }
    }
}

extension Schema.Kind where Value == Zone {
    static var timeZone: Self {
        scalar(Schema.Scalar(noun: "time zone")) { text throws(Schema.Problem) in
            guard !text.value.isEmpty, let zone = Zone(text.value) else {
                let known = Suggestion.text(for: text.value, among: Zone.knownNames)
                throw Schema.Problem("\(text.shown) is not a time zone\(known); write one such as Asia/Singapore or UTC")
            }
            return zone
        }
    }
}

extension Schema.Kind where Value == Glob {
    static var modelGlob: Self {
        scalar(Schema.Scalar(noun: "model glob", json: Schema.Scalar.anyText, pattern: Schema.Pattern.anything)) {
            text throws(Schema.Problem) in
            guard !text.value.isEmpty else { throw Schema.Problem("is empty; '*' stands for every model") }
            if let problem = ModelName.blanks(text.value) { throw Schema.Problem(problem) }
            return Glob(text.value)
        }
        .map { glob, node, path, context in
            warnAboutSigns(in: glob.text, node, path, context)
            return glob
        }
    }

    /// What other programs' patterns are made of, and no model's name.
    private static func warnAboutSigns(in glob: String, _ node: YAMLNode, _ path: String, _ context: LoadContext) {
        guard !context.holdsReference(node), let sign = glob.first(where: { "?{}^$|\\!".contains($0) }) else { return }
        context.warning(
            at: node, path, "'\(sign)' stands for itself here: of a glob only '*' is special, and several are items of a list")
    }
}

extension Schema.Kind where Value == PathGlob {
    static var pathGlob: Self {
        scalar(Schema.Scalar(noun: "path glob", pattern: Schema.Pattern.pathGlob)) { text throws(Schema.Problem) in
            guard text.value.hasPrefix("/"), text.value.utf8.count <= 1024 else {
                throw Schema.Problem("\(text.shown) is no path; write /v1/files/** or /v1/batches")
            }
            return PathGlob(text.value)
        }
    }
}

extension Schema.Kind {
    /// CEL: what is wrong with it is told at its place in the text.
    /// - Parameter hidden: said instead of what a reference stands for.
    static func expression(
        _ noun: String, json: [Schema.Scalar.JSONType] = [.string], hidden: String,
        _ parse: @escaping @Sendable (String) throws(Condition.Problem) -> Value
    ) -> Self {
        scalar(Schema.Scalar(noun: noun, json: json, pattern: Schema.Pattern.anything)) { text throws(Schema.Problem) in
            do throws(Condition.Problem) {
                return try parse(text.value)
            } catch {
                var problem = text.problem(error, hidden)
                problem.further = error.further.map { text.problem($0, hidden) }
                throw problem
            }
        }
    }
}

extension Schema.Kind where Value == Condition {
    static var condition: Self {
        expression("condition", json: [.string, .boolean], hidden: "what the reference stands for is no condition") {
            text throws(Condition.Problem) in
            try Condition(text, utcOffset: Zones.offset)
        }
    }
}

extension Schema.Kind where Value == FallbackPolicy.Trigger {
    static var trigger: Self {
        let words = FallbackPolicy.Trigger.kinds.map(\.description)
        let shape = Schema.Scalar(
            noun: "status or kind of failure", json: [.string, .integer], least: 400, most: 599,
            pattern: "[45][0-9][0-9]|[45]xx|\(words.joined(separator: "|"))",
            shown: { FallbackPolicy.Trigger($0).map { .string($0.description) } })
        return scalar(shape) { text throws(Schema.Problem) in
            if let trigger = FallbackPolicy.Trigger(text.value) { return trigger }
            let hint = Suggestion.text(for: text.value, among: words)
            throw Schema.Problem(
                "\(text.shown) sends nothing on\(hint); write statuses from 400 to 599, 4xx, 5xx, \(words.joined(separator: ", "))"
            )
        }
    }
}
