/// What a key may be called: something that a person can read, tell from another name, and type.
public enum KeyName {
    /// Bytes.
    public static let maximumLength = 200

    /// The name without the white space around it.
    ///
    /// - Throws: `KeyFailure.invalid`.
    public static func validated(_ text: String) throws(KeyFailure) -> String {
        let name = trimmed(text)
        if let problem = problem(with: name) { throw .invalid("a key\(problem)") }
        return name
    }

    /// What is wrong with a name, as the rest of a sentence that begins with whose it is; nil when nothing is.
    public static func problem(with name: String) -> String? {
        if name.isEmpty { return " needs a name" }
        if name.utf8.count > maximumLength { return "'s name has at most \(maximumLength) bytes" }
        if name != trimmed(name) { return "'s name has no white space at its ends" }
        return isVisible(name) ? nil : "'s name has visible characters only"
    }

    /// Whether every character shows, and shows where it is: no control or formatting characters, no other blanks than the
    /// space, nothing that is drawn as nothing, nothing that is assigned to nobody, or stands for what could not be read.
    public static func isVisible(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy { scalar in
            if scalar.isASCII { return !scalar.isControl }
            // The braille pattern without dots is a symbol by its category.
            guard scalar != "\u{2800}", scalar != "\u{FFFD}", !scalar.properties.isDefaultIgnorableCodePoint else { return false }
            switch scalar.properties.generalCategory {
            case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator, .spaceSeparator:
                return false
            default: return true
            }
        }
    }

    private static func trimmed(_ text: String) -> String {
        let scalars = text.unicodeScalars
        guard let first = scalars.firstIndex(where: { !$0.properties.isWhitespace }),
            let last = scalars.lastIndex(where: { !$0.properties.isWhitespace })
        else { return "" }
        return String(scalars[first...last])
    }
}
