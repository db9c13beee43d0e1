import Basics

/// What is said of a word of the command line that nobody knows.
public enum MistypedWord {
    /// - Parameters:
    ///   - path: the commands before it.
    ///   - commands: those that would be known in its place.
    public static func unknown(command word: String, of path: [String], commands: [String]) -> String {
        let shown = TextTable.harmless(word)
        let known = (["proxyd"] + path).joined(separator: " ")
        if let near = nearest(to: word, among: commands) {
            let whole = (path + [near]).joined(separator: " ")
            return "unknown command `\((path + [shown]).joined(separator: " "))`; did you mean `\(whole)`?"
        }
        let hint =
            path.isEmpty && (word.hasSuffix(".yaml") || word.hasSuffix(".yml"))
            ? "`proxyd run -c \(shown)` runs with a file" : "`\(known) --help` lists the commands"
        return "unknown command `\((path + [shown]).joined(separator: " "))`; \(hint)"
    }

    /// What is said of an option that takes a file or an address, and is given nothing, or what would be a file called `-`; nil where
    /// none is.
    public static func emptyOption(in arguments: [String]) -> String? {
        let names = ["-c", "--config", "--env-file", "--state", "--admin", "--url", "--body", "--decisions", "--output"]
        // A check reads what it checks once.
        let takesPipe = arguments.first == "check" || arguments.contains("--check-config")
        for (index, word) in arguments.enumerated() {
            if word == "--" { return nil }
            let name = names.first { word == $0 || word.hasPrefix($0 + "=") }
            guard let name else { continue }
            let next = index + 1 < arguments.count ? arguments[index + 1] : nil
            let value = word == name ? next : String(word.dropFirst(name.count + 1))
            if value == "" { return "\(name) is empty: a variable of the shell may not be set" }
            if takesPipe, name == "-c" || name == "--config" { continue }
            if value == "-", let hint = noFile[name] { return "\(name) takes a file, and - is none\(hint)" }
        }
        return nil
    }

    /// Options whose file is read again, or written with its own mode.
    private static let noFile = [
        "-c": "; what a pipe holds is read once, as /dev/stdin", "--config": "; what a pipe holds is read once, as /dev/stdin",
        "--state": "", "--output": "",
    ]

    /// What the parser says of a command line, in our words.
    /// - Parameter arguments: the command line.
    public static func retold(_ message: String, of arguments: [String] = []) -> String {
        let mark = "Error: "
        guard message.hasPrefix(mark) else { return message }
        var lines = message.dropFirst(mark.count).split(separator: "\n", omittingEmptySubsequences: false).map {
            TextTable.harmless(String($0))
        }
        let first = lines.removeFirst()
        let takesFile = lines.contains { $0.hasPrefix("Usage: ") && $0.contains("[--config <config>]") }
        let told =
            unknownOption(first, lines) ?? valueOfUnknownOption(first, lines, arguments) ?? negativeValue(first, arguments)
            ?? beginningSmall(first) + (takesFile ? fileHint(first) : "")
        return (["proxyd: " + told] + lines).joined(separator: "\n")
    }

    /// A number below 0 looks like an option to the parser, which then misses the value.
    private static func negativeValue(_ line: String, _ arguments: [String]) -> String? {
        let head = "Missing value for '"
        guard line.hasPrefix(head) else { return nil }
        let shown = line.dropFirst(head.count).prefix { $0 != "'" }
        let name = shown.prefix { $0 != " " }
        guard let place = arguments.firstIndex(of: String(name)), place + 1 < arguments.count else { return nil }
        let value = arguments[place + 1]
        guard value.hasPrefix("-"), value.dropFirst().first?.isNumber == true else { return nil }
        return "the value '\(TextTable.harmless(value))' is invalid for '\(shown)': it is less than 0"
    }

    /// How a configuration file is given, where it stands by itself.
    private static func fileHint(_ line: String) -> String {
        let parts = line.split(separator: "'", omittingEmptySubsequences: false)
        guard line.hasPrefix("Unexpected argument '"), parts.count == 3, parts[1].hasSuffix(".yaml") || parts[1].hasSuffix(".yml")
        else { return "" }
        return "; a configuration file is given as `-c \(parts[1])`"
    }

    /// - Parameter usage: what is told behind it.
    private static func unknownOption(_ line: String, _ usage: [String]) -> String? {
        let head = "Unknown option '"
        guard line.hasPrefix(head), let end = line.dropFirst(head.count).firstIndex(of: "'") else { return nil }
        let option = String(line[line.index(line.startIndex, offsetBy: head.count)..<end])
        if option.hasPrefix("--"), positions(usage).contains("<\(option.dropFirst(2))>") {
            return "unknown option `\(option)`; <\(option.dropFirst(2))> stands by itself"
        }
        let rest = line[line.index(after: end)...]
        let meant = "Did you mean '"
        var told: String?
        if let start = rest.firstRange(of: meant), let last = rest[start.upperBound...].firstIndex(of: "'") {
            told = String(rest[start.upperBound..<last])
        }
        if addresses.contains(option) { return "unknown option `\(option)`; \(addressHint(usage))" }
        if let ours = otherwise[option]?.first(where: options(usage).contains) {
            return "unknown option `\(option)`; did you mean `\(ours)`?"
        }
        let names = [told, "--version", "--help"].compactMap(\.self)
        let near = everywhere[option] ?? Suggestion.nearest(to: option, among: names) ?? told
        return "unknown option `\(option)`" + (near.map { "; did you mean `\($0)`?" } ?? "")
    }

    /// What stands behind an option that the command does not have is taken for one of its own words, which it may not be.
    private static func valueOfUnknownOption(_ line: String, _ usage: [String], _ arguments: [String]) -> String? {
        let head = "The value '"
        guard line.hasPrefix(head), line.contains("' is invalid for '<") else { return nil }
        let value = line.dropFirst(head.count).prefix { $0 != "'" }
        guard let place = arguments.firstIndex(of: String(value)), place > 0 else { return nil }
        let option = TextTable.harmless(arguments[place - 1])
        let known = options(usage)
        guard option.hasPrefix("--"), option != "--", !option.contains("="), !known.isEmpty, !known.contains(option) else {
            return nil
        }
        let near = Suggestion.nearest(to: option, among: known).map { ". Did you mean '\($0)'?" }
        return unknownOption("Unknown option '\(option)'" + (near ?? ""), usage)
    }

    /// Where a running proxyd is, for those that ask one.
    private static let addresses: Set<String> = ["--admin", "--url"]

    /// What is said of such an option where the command has none of that name.
    private static func addressHint(_ usage: [String]) -> String {
        if let other = options(usage).first(where: addresses.contains) { return "did you mean `\(other)`?" }
        let line = usage.first { $0.hasPrefix("Usage: ") } ?? ""
        let words = line.dropFirst(7).split(separator: " ").prefix { !$0.hasPrefix("[") && !$0.hasPrefix("<") }
        let command = words.joined(separator: " ")
        return command == "proxyd rollback"
            ? "`\(command)` writes the file itself (-c FILE), and the proxyd that runs by it follows"
            : "`\(command)` asks no running proxyd"
    }

    /// `--policy` of `Usage: proxyd keys create <name> [--policy <policy>]`.
    private static func options(_ usage: [String]) -> [String] {
        guard let line = usage.first(where: { $0.hasPrefix("Usage: ") }) else { return [] }
        return line.split(separator: " ").compactMap { word in
            let name = word.drop { $0 == "[" }
            return name.hasPrefix("--") ? String(name.prefix { $0 != "]" }) : nil
        }
    }

    /// `<name>` of `Usage: proxyd keys create <name> [--policy <policy>]`: what stands behind no option.
    private static func positions(_ usage: [String]) -> [Substring] {
        guard let line = usage.first(where: { $0.hasPrefix("Usage: ") }) else { return [] }
        let words = line.split(separator: " ")
        return zip(words, words.dropFirst()).compactMap { before, word in
            word.hasPrefix("<") && word.hasSuffix(">") && !before.contains("--") ? word : nil
        }
    }

    /// What other programs call what each of our commands takes.
    private static let everywhere: [String: String] = ["-v": "--version", "-V": "--version", "-?": "--help"]

    /// What one of our commands, or another program, calls what another one takes.
    private static let otherwise: [String: [String]] = [
        "--since": ["--from"], "--start": ["--from", "--since"], "--from": ["--since"], "--until": ["--to"], "--end": ["--to"],
        "--by": ["--group-by"], "--group": ["--group-by"], "--file": ["--config", "--output"], "--out": ["--output"],
        "--expiry": ["--expires"], "--ttl": ["--expires"], "--tags": ["--tag"], "--env": ["--env-file"],
    ]

    /// A sentence goes on behind the program's name; a name of something stays as it is.
    private static func beginningSmall(_ line: String) -> String {
        guard let first = line.first, first.isUppercase, line.dropFirst().first?.isLowercase == true else { return line }
        return first.lowercased() + line.dropFirst()
    }

    /// Also what other programs call it, and what only begins so, where nothing else does.
    private static func nearest(to word: String, among names: [String]) -> String? {
        if let ours = synonyms[word.lowercased()]?.first(where: names.contains) { return ours }
        if let near = Suggestion.nearest(to: word, among: names) { return near }
        let beginning = names.filter { word.utf8.count > 1 && ($0.hasPrefix(word) || word.hasPrefix($0)) }
        return beginning.count == 1 ? beginning.first : nil
    }

    private static let synonyms: [String: [String]] = [
        "status": ["health"], "ping": ["health"], "ready": ["health"], "readyz": ["health"], "healthz": ["health"],
        "start": ["run"], "up": ["run"], "server": ["run"], "daemon": ["run"],
        "validate": ["check"], "lint": ["check"], "test": ["check"], "configtest": ["check"],
        "apply": ["reload"], "update": ["reload"], "refresh": ["reload"], "revert": ["rollback"], "undo": ["rollback"],
        "route": ["explain"], "why": ["explain"], "cost": ["usage"], "costs": ["usage"], "spend": ["usage"], "stats": ["usage"],
        "budget": ["limits"], "budgets": ["limits"], "quota": ["limits"], "quotas": ["limits"],
        "key": ["keys"], "providers": ["presets"], "vendors": ["presets"],
        "setup": ["init"], "configure": ["init"], "new": ["init", "create"], "migrate": ["import"], "history": ["rollback"],
        "export": ["backup"], "dump": ["backup"], "verify": ["verify", "ledger"], "encrypt": ["seal"], "decrypt": ["unseal"],
        "mock": ["simulate"], "try": ["demo"], "ls": ["list"], "show": ["list"], "get": ["list"],
        "add": ["create"], "make": ["create"], "generate": ["create"], "rm": ["delete"], "remove": ["delete"],
        "del": ["delete"], "revoke": ["disable"], "renew": ["rotate"], "clear": ["reset"], "allow": ["unblock"],
    ]
}
