/// References as other programs write them: to proxyd they would be plain text, and a key that no vendor takes.
enum ForeignReferences {
    /// What stands before and behind the name of an environment variable.
    private struct Form {
        var before: String
        var behind = ""
        /// Whether nobody means anything else by it, whatever letters the name has.
        var isPlain = true
    }

    private static let forms = [
        Form(before: "os.environ/"), Form(before: "{env.", behind: "}"), Form(before: "{$", behind: "}"),
        Form(before: "$(", behind: ")"), Form(before: "{{", behind: "}}"), Form(before: "env(", behind: ")"),
        Form(before: "getenv(", behind: ")"), Form(before: "os.getenv(", behind: ")"), Form(before: "os.environ[", behind: "]"),
        Form(before: "os.environ.get(", behind: ")"), Form(before: "process.env."), Form(before: "ENV[", behind: "]"),
        Form(before: "$env:"), Form(before: "$ENV{", behind: "}"), Form(before: "@env:"), Form(before: "$", isPlain: false),
        Form(before: "env:", isPlain: false), Form(before: "env.", isPlain: false), Form(before: "env/", isPlain: false),
        Form(before: "%", behind: "%", isPlain: false),
    ]

    /// Tags that other readers of YAML fill in.
    static let tags: Set<String> = [
        "!ENV", "!env", "!Env", "!env_var", "!EnvVar", "!secret", "!Secret", "!file", "!include", "!Ref", "!Sub", "!vault",
        "!reference", "!var",
    ]

    /// Kinds whose texts may hold anything.
    static let free: Set<String> = ["condition", "expression", "text", "a message", "message"]

    /// What is wrong with a text that is another program's reference, and how ours would be; nil for any other.
    static func problem(with text: String, expecting noun: String) -> Schema.Problem? {
        // Every text of the file comes here: what is none is seen by its bytes.
        let bytes = text.utf8
        guard bytes.count <= 256, bytes.contains(where: isMark) else { return nil }
        for form in forms where bytes.starts(with: form.before.utf8) && (form.isPlain || !free.contains(noun)) {
            guard let name = name(in: text, form) else { continue }
            return Schema.Problem("is another program's reference, and plain text here; write \(ours(name)) ('$$' is a dollar)")
        }
        if bytes.starts(with: "$(".utf8), bytes.last == UInt8(ascii: ")") {
            return Schema.Problem("is a shell's; proxyd runs no commands: write ${NAME}, or ${file:/path} for what a file holds")
        }
        guard !free.contains(noun) else { return nil }
        if bytes.contains(UInt8(ascii: "{")), text.contains("{{"), text.contains("}}"), !text.contains("${{"),
            let index = text.unicodeScalars.firstRange(of: "{{".unicodeScalars)
        {
            return Schema.Problem(
                "'{{ … }}' is a template's, and nothing has filled it in; a reference is written ${NAME} or ${file:/path}",
                offset: text.unicodeScalars.distance(from: text.startIndex, to: index.lowerBound), length: 2)
        }
        if noun == "secret" || noun == "a secret" { return vault(text) }
        return bytes.contains(UInt8(ascii: "$")) ? embedded(Array(text.unicodeScalars)) : nil
    }

    /// What every form has.
    private static func isMark(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "{"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "("),
            UInt8(ascii: "["), UInt8(ascii: ":"):
            true
        default: false
        }
    }

    /// `http://$HOST:8080`.
    private static func embedded(_ scalars: [Unicode.Scalar]) -> Schema.Problem? {
        for index in scalars.indices where scalars[index] == "$" {
            if index > 0, scalars[index - 1] == "$" { continue }
            var name = String.UnicodeScalarView()
            name.append(contentsOf: scalars[(index + 1)...].prefix { ("A"..."Z").contains($0) || $0 == "_" })
            guard name.count >= 2 else { continue }
            let text = String(name)
            return Schema.Problem(
                "'$\(text)' is no reference here; write \(ours(text)) ('$$' is a dollar)", offset: index, length: name.count + 1)
        }
        return nil
    }

    private static let stores = ["file:/", "vault:", "secret://", "op://", "arn:aws:", "gcp-secret://", "ssm:/", "keyring:"]

    private static func vault(_ text: String) -> Schema.Problem? {
        guard let store = stores.first(where: { text.hasPrefix($0) }) else { return nil }
        let ours = "what a file holds is ${file:/path}, what systemd passes ${credential:NAME}"
        return Schema.Problem(
            store == "file:/"
                ? "is no reference; write ${file:/path}"
                : "is another program's reference, which proxyd does not follow; \(ours)")
    }

    private static func name(in text: String, _ form: Form) -> String? {
        guard text.hasPrefix(form.before), text.hasSuffix(form.behind),
            text.utf8.count > form.before.utf8.count + form.behind.utf8.count
        else { return nil }
        let inner = text.dropFirst(form.before.count).dropLast(form.behind.count)
        let name = inner.drop { " \"'.".contains($0) }.prefix { !" \"'".contains($0) }
        let rest = inner[name.endIndex...]
        let isName =
            name.utf8.first.map { !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ?? false
            && name.utf8.allSatisfy { Schema.isNameByte($0) && $0 != UInt8(ascii: ".") && $0 != UInt8(ascii: "-") }
        guard isName, rest.allSatisfy({ " \"'".contains($0) }), form.isPlain || isVariable(name) else { return nil }
        return String(name)
    }

    /// Written as the names of variables are.
    private static func isVariable(_ name: some StringProtocol) -> Bool {
        name.utf8.count >= 2
            && name.utf8.allSatisfy {
                (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || $0 == UInt8(ascii: "_")
            }
    }

    /// The name is repeated where it cannot well be a secret itself.
    static func ours(_ name: some StringProtocol) -> String { isVariable(name) ? "${\(name)}" : "${NAME}" }

    // MARK: Within ${…}

    /// What is wrong with `${kind:…}` where the kind is none of ours; nil where nothing is known of it.
    static func problem(ofKind kind: Substring, _ argument: String) -> String? {
        switch kind.lowercased() {
        case "env", "environ", "environment", "var", "sys": "an environment variable is written \(ours(argument))"
        case "vault", "secret", "secrets", "aws", "gcp", "azure", "ssm", "op", "sm":
            "proxyd asks no store of secrets; what a file holds is ${file:/path}, what systemd passes ${credential:NAME}"
        default:
            switch argument.first {
            case "?", "=", "+":
                "'\(argument.prefix(1))' is a shell's: ${NAME} is an error by itself where the variable is missing, and a "
                    + "default is written ${NAME:-default}"
            default: nil
            }
        }
    }

    /// The same of `${…}` that is no name of a variable.
    static func problem(ofName name: String) -> String? {
        if name.hasPrefix("{") { return "'${{ … }}' is filled in by GitHub's actions alone; here a reference is ${NAME}" }
        for prefix in ["env.", "ENV."] where name.hasPrefix(prefix) {
            return "an environment variable is written \(ours(name.dropFirst(prefix.count)))"
        }
        let word = name.prefix { $0 != "-" && $0 != "?" && $0 != "=" }
        guard word.endIndex != name.endIndex, isVariable(word) else { return nil }
        return "a default is written ${\(word):-default}"
    }
}
