extension ConfigurationLoader {
    /// What a file that is no YAML still says of where proxyd runs, on which state, and by whose clock: the blocks of these keys, each from the
    /// beginning of a line on, are read as though nothing else stood there. nil where they cannot be read either. For finding the one
    /// that goes on with what it was before, and for nothing else.
    public static func remains(of path: String, environment: [String: String]) -> Configuration? {
        guard case .success(let content) = InputFiles().read(path), let text = String(validating: content.bytes, as: UTF8.self)
        else {
            return nil
        }
        var kept = ""
        var isKept = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            // Items of a list may stand as far left as its key.
            if let first = line.utf8.first, !" \t\r#-".utf8.contains(first) {
                isKept = blocks.contains(line.prefix { $0 != ":" })
            }
            if isKept { kept += line + "\n" }
        }
        return kept.isEmpty ? nil : load(text: kept, file: path, environment: environment).partial
    }

    private static let blocks: Set<Substring> = ["listen", "admin", "state", "timezone", "include"]
}
