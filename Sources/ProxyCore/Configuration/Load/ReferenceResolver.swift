import Basics

/// Replaces `${…}` in a scalar by what it names, and `$$` by a dollar.
struct ReferenceResolver {
    let environment: [String: String]
    let files: InputFiles
    /// Makes a path absolute or relative to the configuration file.
    let locate: (String) -> String

    struct Resolved {
        var text: String
        var holdsReference = false
    }

    /// Throws why and where in `text` (Unicode scalars) a reference cannot be resolved.
    func resolve(_ text: String) throws(Schema.Problem) -> Resolved {
        guard text.holds("$") else { return Resolved(text: text) }
        let scalars = Array(text.unicodeScalars)
        var result = Resolved(text: "")
        var problems: [Schema.Problem] = []
        var index = 0
        while index < scalars.count {
            let next = index + 1 < scalars.count ? scalars[index + 1] : nil
            switch (scalars[index], next) {
            case ("$", "$"):
                result.text.unicodeScalars.append("$")
                index += 2
            case ("$", "{"):
                guard let close = scalars[index...].firstIndex(of: "}") else {
                    problems.append(Schema.Problem("'${' is not closed by '}' ('$$' is a dollar)", offset: index))
                    index = scalars.count
                    continue
                }
                var inner = String.UnicodeScalarView()
                inner.append(contentsOf: scalars[(index + 2)..<close])
                do throws(Schema.Problem) {
                    let (value, isLiteral) = try value(of: String(inner))
                    result.text += value
                    if !isLiteral { result.holdsReference = true }
                } catch {
                    problems.append(Schema.Problem(error.message, offset: index, length: close + 1 - index))
                }
                index = close + 1
            case (let scalar, _):
                result.text.unicodeScalars.append(scalar)
                index += 1
            }
        }
        if let problem = Schema.joined(problems) { throw problem }
        return result
    }

    private func value(of reference: String) throws(Schema.Problem) -> (text: String, isLiteral: Bool) {
        guard !reference.holds("${") else { throw Schema.Problem("references do not nest") }
        let name = reference.prefix { $0 != ":" }
        let rest = reference.dropFirst(name.count)
        if rest.isEmpty || rest.hasPrefix(":-") {
            return try variable(String(name), default: rest.isEmpty ? nil : String(rest.dropFirst(2)))
        }
        let argument = String(rest.dropFirst())
        switch name {
        case "file": return (try content(of: locate(argument), called: argument), false)
        case "credential": return (try credential(argument), false)
        case "sealed": return (try sealed(argument), false)
        default:
            if let problem = ForeignReferences.problem(ofKind: name, argument) { throw Schema.Problem(problem) }
            let hint = Suggestion.text(for: String(name), among: ["file", "credential", "sealed"])
            throw Schema.Problem(
                "no kind of reference is called '\(name)'\(hint); there are ${NAME}, ${NAME:-default}, ${file:/path}, ${credential:NAME}, ${sealed:v1:…}"
            )
        }
    }

    private func variable(_ name: String, default: String?) throws(Schema.Problem) -> (text: String, isLiteral: Bool) {
        let isName =
            name.utf8.first.map { !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ?? false
            && name.utf8.allSatisfy { Schema.isNameByte($0) && $0 != UInt8(ascii: ".") && $0 != UInt8(ascii: "-") }
        if !isName, let problem = ForeignReferences.problem(ofName: name) { throw Schema.Problem(problem) }
        guard isName else { throw Schema.Problem("'${…}' takes the name of an environment variable ('$$' is a dollar)") }
        if let value = environment[name], !value.isEmpty { return (value, false) }
        if let `default` { return (`default`, true) }
        // Shells know it and pass it to nobody, and neither does systemd.
        if name == "HOSTNAME", environment[name] == nil { return (Schema.ClusterKeys.hostName(), false) }
        throw Schema.Problem(
            environment[name] == nil
                ? "\(Self.missing) \(name) (a default is written ${\(name):-default})"
                : "\(name) is empty in the environment (a default is written ${\(name):-default})")
    }

    /// How it begins what is said of a variable that there is not.
    static let missing = "the environment has no"

    /// What is said of a credential where systemd did not start this process: of a command in a shell, which is no unit.
    static let noCredentials = "systemd passed none ($CREDENTIALS_DIRECTORY is not set)"

    private func credential(_ name: String) throws(Schema.Problem) -> String {
        guard Schema.isName(name), name != ".", name != ".." else {
            throw Schema.Problem("'${credential:…}' takes the name that LoadCredential= gives")
        }
        guard let directory = environment["CREDENTIALS_DIRECTORY"], !directory.isEmpty else {
            throw Schema.Problem("credential '\(name)': \(Self.noCredentials)")
        }
        return try content(of: "\(directory)/\(name)", called: "credential '\(name)'")
    }

    private func sealed(_ text: String) throws(Schema.Problem) -> String {
        guard [Seal.keyVariable, Seal.oldKeyVariable].contains(where: { environment[$0]?.isEmpty == false }) else {
            throw Schema.Problem("a sealed secret needs \(Seal.keyVariable) in the environment")
        }
        do throws(Seal.Failure) {
            return try Seal.open(text, environment: environment).reveal()
        } catch {
            throw Schema.Problem(error.description)
        }
    }

    /// The file's text without the newline at its end and a byte order mark before it.
    private func content(of path: String, called name: String) throws(Schema.Problem) -> String {
        guard !path.isEmpty, !name.isEmpty else { throw Schema.Problem("'${file:…}' takes a path") }
        switch files.read(path) {
        case .failure(let failure):
            guard !name.holds(":-") else {
                throw Schema.Problem("a file's text has no default: '${NAME:-default}' is for variables of the environment")
            }
            throw Schema.Problem("\(name): \(Schema.withHomeNote(failure.message, on: name))")
        case .success(let content):
            guard var text = String(validating: content.bytes, as: UTF8.self) else {
                throw Schema.Problem("\(name): is not UTF-8")
            }
            // A byte order mark, which editors of other systems begin a file with.
            if text.unicodeScalars.first == "\u{FEFF}" { text.unicodeScalars.removeFirst() }
            let trimmed = text.hasSuffix("\r\n") ? text.dropLast() : text.hasSuffix("\n") ? text.dropLast() : text[...]
            guard !trimmed.isEmpty else { throw Schema.Problem("\(name): is empty") }
            return String(trimmed)
        }
    }
}
