/// The upstreams that a condition names in `healthy("…")`, `quota("…", …)` and `quota_runs_out("…", …)`, with their places.
///
/// A name that no upstream has would make the condition false for ever, so it is worth an error.
enum UpstreamMentions {
    struct Mention {
        var name: String
        /// Unicode scalars from the start of the condition to the first of the name.
        var offset: Int
    }

    /// - Parameter functions: whose first arguments are meant.
    static func find(in source: String, arguments functions: Set<String> = ["healthy", "quota", "quota_runs_out"]) -> [Mention] {
        let text = Array(source.unicodeScalars)
        var mentions: [Mention] = []
        var word = ""
        /// Whether the next token may be the first argument of one of the functions.
        var isArgument = false
        var index = 0
        while index < text.count {
            let scalar = text[index]
            if scalar == "\"" || scalar == "'" {
                let literal = literal(in: text, at: index)
                let isPlain = literal.name != nil && word.isEmpty
                if isArgument, isPlain, let name = literal.name { mentions.append(Mention(name: name, offset: index + 1)) }
                isArgument = false
                word = ""
                index = literal.end
                continue
            }
            if scalar == "/", index + 1 < text.count, text[index + 1] == "/" {
                while index < text.count, text[index] != "\n" { index += 1 }
                continue
            }
            if isOfWord(scalar) {
                if isArgument { isArgument = false }
                word.unicodeScalars.append(scalar)
            } else if scalar == "(" {
                isArgument = functions.contains(word)
                word = ""
            } else if !scalar.isBlank {
                isArgument = false
                word = ""
            }
            index += 1
        }
        return mentions
    }

    private static func isOfWord(_ scalar: Unicode.Scalar) -> Bool {
        guard scalar.isASCII else { return scalar.properties.isAlphabetic }
        return ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || ("0"..."9").contains(scalar) || scalar == "_"
            || scalar == "."
    }

    /// Where the literal that begins at `start` ends, and its text when it has no escapes and no triple quotes.
    private static func literal(in text: [Unicode.Scalar], at start: Int) -> (end: Int, name: String?) {
        let quote = text[start]
        let isTriple = start + 2 < text.count && text[start + 1] == quote && text[start + 2] == quote
        var index = start + (isTriple ? 3 : 1)
        var name: String.UnicodeScalarView? = isTriple ? nil : String.UnicodeScalarView()
        while index < text.count {
            let scalar = text[index]
            if scalar == "\\" {
                name = nil
                index += 2
                continue
            }
            if scalar == quote {
                guard isTriple else { return (index + 1, name.map { String($0) }) }
                if index + 2 < text.count, text[index + 1] == quote, text[index + 2] == quote { return (index + 3, nil) }
            }
            name?.append(scalar)
            index += 1
        }
        return (index, nil)
    }
}
