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

    /// The parser's words of an unknown option in ours; nil where they are of something else.
    public static func retold(_ message: String) -> String? {
        let head = "Error: Unknown option '"
        guard message.hasPrefix(head), let end = message.dropFirst(head.count).firstIndex(of: "'") else { return nil }
        let option = message[message.index(message.startIndex, offsetBy: head.count)..<end]
        var lines = message.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
        let rest = lines.removeFirst()[message.index(after: end)...]
        let meant = "Did you mean '"
        var told = "proxyd: unknown option `\(TextTable.harmless(String(option)))`"
        if let start = rest.firstRange(of: meant), let last = rest[start.upperBound...].firstIndex(of: "'") {
            told += "; did you mean `\(rest[start.upperBound..<last])`?"
        }
        return ([told] + lines.map(String.init)).joined(separator: "\n")
    }

    /// Also what only begins so, where nothing else does.
    private static func nearest(to word: String, among names: [String]) -> String? {
        if let near = Suggestion.nearest(to: word, among: names) { return near }
        let beginning = names.filter { word.utf8.count > 1 && ($0.hasPrefix(word) || word.hasPrefix($0)) }
        return beginning.count == 1 ? beginning.first : nil
    }
}
