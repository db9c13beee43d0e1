/// A file of `NAME=value` lines, as systemd's `EnvironmentFile=` reads them, and with `export` before a name as shells have it.
///
/// Lines that begin with `#` or `;` are comments. A value may stand in quotes, and then over several lines: in single ones as it
/// is, in double ones with `\` before `"`, `\`, `` ` `` and `$`. A `\` at the end of a line goes on with the next one.
public enum EnvironmentFile {
    /// The values of several files, the later over the earlier, over those that were inherited.
    public static func merge(_ paths: [String], over inherited: [String: String]) -> Merged {
        var merged = Merged(environment: inherited)
        for path in paths {
            switch InputFiles.load(path, takesPipes: true) {
            case .failure(let failure):
                let place = SourceLocation(file: path, line: 1, column: 1)
                merged.problems.append(Diagnostic(.error, at: place, path: "", message: "cannot be read: \(failure.message)"))
                merged.lost = nil
            case .success(let content):
                var reader = Reader(content.bytes, file: path)
                reader.read()
                merged.problems += reader.problems
                merged.lost = reader.lost.flatMap { merged.lost?.union($0) }
                for (name, value) in reader.values { merged.environment[name] = value }
            }
        }
        return merged
    }

    public struct Merged: Sendable {
        public var environment: [String: String]
        /// Errors with their places. What stands in the line is never shown: it may be a secret.
        public var problems: [Diagnostic] = []
        /// What the lines with an error may have been about; nil for anything.
        fileprivate var lost: Set<String>? = []

        /// Whether something is said of the configuration that is wrong with one of these files, which is told already: that a
        /// variable is missing.
        public func explains(_ diagnostic: Diagnostic) -> Bool {
            guard diagnostic.message.hasPrefix(ReferenceResolver.missing + " ") else { return false }
            let name = diagnostic.message.dropFirst(ReferenceResolver.missing.count + 1).prefix { $0 != " " }
            return lost?.contains(String(name)) ?? true
        }
    }

    /// What a text says, and what is wrong with it.
    static func parse(_ text: String, file: String) -> (values: [(name: String, value: String)], problems: [Diagnostic]) {
        var reader = Reader(Array(text.utf8), file: file)
        reader.read()
        return (reader.values, reader.problems)
    }
}

extension EnvironmentFile {
    private struct Reader {
        private let bytes: [UInt8]
        private let file: String
        private var position = 0
        private var line = 1
        private var lineStart = 0
        private(set) var values: [(name: String, value: String)] = []
        private(set) var problems: [Diagnostic] = []
        /// Words of lines that were refused; nil where it may be anything.
        private(set) var lost: Set<String>? = []

        init(_ bytes: [UInt8], file: String) {
            self.bytes = bytes
            self.file = file
        }

        mutating func read() {
            if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
            while next != nil {
                skip { Self.isBlank($0) || $0 == UInt8(ascii: "\n") }
                guard let first = next else { return }
                if first == UInt8(ascii: "#") || first == UInt8(ascii: ";") { skipLine() } else { readLine() }
            }
        }

        private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

        private mutating func readLine() {
            let start = here
            var name = word()
            skip(while: Self.isBlank)
            if name == "export", next != UInt8(ascii: "=") {
                name = word()
                skip(while: Self.isBlank)
            }
            guard next == UInt8(ascii: "=") else { return refuse(start, "a line is NAME=value") }
            guard Self.isName(name) else {
                return refuse(start, "a name has letters, digits and _, and begins with no digit")
            }
            position += 1
            if let value = value() { values.append((name, value)) } else { lost?.insert(name) }
        }

        /// Up to a blank, `=`, or the end of the line.
        private mutating func word() -> String {
            let start = position
            skip { !Self.isBlank($0) && $0 != UInt8(ascii: "=") && $0 != UInt8(ascii: "\n") }
            return String(decoding: bytes[start..<position], as: UTF8.self)
        }

        /// nil where it was refused.
        private mutating func value() -> String? {
            let start = here
            skip(while: Self.isBlank)
            var value: [UInt8] = []
            // What blanks at the end may be taken from: those in quotes stay.
            var kept = 0
            while let byte = next, byte != UInt8(ascii: "\n") {
                let place = here
                advance()
                switch byte {
                case UInt8(ascii: "'"), UInt8(ascii: "\""):
                    guard quoted(byte, into: &value) else {
                        problems.append(problem(place, "the quote that begins here does not end"))
                        lost = nil
                        return nil
                    }
                    kept = value.count
                case UInt8(ascii: "\\"):
                    guard let escaped = next else { break }
                    advance()
                    if escaped != UInt8(ascii: "\n") {
                        value.append(escaped)
                        kept = value.count
                    }
                case 0:
                    refuse(place, "a value holds no zero byte")
                    return nil
                default:
                    value.append(byte)
                    if !Self.isBlank(byte) { kept = value.count }
                }
            }
            guard let text = String(validating: value[..<kept], as: UTF8.self), !text.utf8.contains(0) else {
                problems.append(problem(start, "the value is no UTF-8, or holds a zero byte"))
                return nil
            }
            return text
        }

        private mutating func quoted(_ quote: UInt8, into value: inout [UInt8]) -> Bool {
            while let byte = next {
                advance()
                if byte == quote { return true }
                guard quote == UInt8(ascii: "\""), byte == UInt8(ascii: "\\"), let escaped = next else {
                    value.append(byte)
                    continue
                }
                advance()
                switch escaped {
                case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "`"), UInt8(ascii: "$"): value.append(escaped)
                case UInt8(ascii: "\n"): break
                default: value += [byte, escaped]
                }
            }
            return false
        }

        private mutating func refuse(_ place: SourceLocation, _ message: String) {
            problems.append(problem(place, message))
            skipLine()
            for word in bytes[lineStart..<position].split(whereSeparator: { !Self.isNameByte($0) }) {
                lost?.insert(String(decoding: word, as: UTF8.self))
            }
        }

        private func problem(_ place: SourceLocation, _ message: String) -> Diagnostic {
            Diagnostic(.error, at: place, path: "", message: message)
        }

        private var here: SourceLocation {
            let column = bytes[lineStart..<position].count { $0 & 0xC0 != 0x80 } + 1
            return SourceLocation(file: file, line: line, column: column)
        }

        private mutating func advance() {
            if next == UInt8(ascii: "\n") {
                line += 1
                lineStart = position + 1
            }
            position += 1
        }

        private mutating func skip(while condition: (UInt8) -> Bool) {
            while let byte = next, condition(byte) { advance() }
        }

        private mutating func skipLine() { skip { $0 != UInt8(ascii: "\n") } }

        private static func isBlank(_ byte: UInt8) -> Bool {
            byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
        }

        private static func isName(_ name: String) -> Bool {
            guard let first = name.utf8.first, isNameByte(first), !isDigit(first) else { return false }
            return name.utf8.allSatisfy(isNameByte)
        }

        private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

        private static func isNameByte(_ byte: UInt8) -> Bool {
            isDigit(byte) || byte == UInt8(ascii: "_") || (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7A
        }
    }
}
