import Basics
import HTTP1

/// Where a form names its model: read strictly, because an upstream that reads it otherwise would see another model than the rules.
struct FormModel: Equatable {
    var name: String
    /// What stands for it in the body.
    var range: Range<Int>
    var isURLEncoded: Bool

    /// Why a form is refused, in words.
    struct Malformed: Error, Equatable {
        var message: String

        init(_ message: String) { self.message = message }
    }

    /// The body's bytes that name `model` in the place of this one.
    func replacement(_ model: String) -> [UInt8] {
        isURLEncoded ? PercentEncoding.bytes(model) : Array(model.utf8)
    }

    private static let twice = Malformed("the form names 'model' twice")
    private static let otherLetters = Malformed("the form names 'model' in other letters")

    /// Whether a field is the model's; one that only a lenient reader would take for it is refused.
    private static func isModel(_ name: String) throws(Malformed) -> Bool {
        if name == "model" { return true }
        let plain = name.lowercased()
        var escaped = plain
        let decoded =
            plain.contains("%") ? escaped.withUTF8 { PercentEncoding.decoded(UnsafeRawBufferPointer($0)) } ?? plain : plain
        // What is left when a reader drops what it does not know.
        let letters = decoded.lowercased().unicodeScalars.filter { ("a"..."z").contains($0) }
        if letters.elementsEqual("model".unicodeScalars) || decoded.lowercased().contains("model[") || plain.hasPrefix("=?") {
            throw otherLetters
        }
        return false
    }

    // MARK: application/x-www-form-urlencoded

    static func urlEncoded(_ body: UnsafeRawBufferPointer) throws(Malformed) -> FormModel? {
        var found: FormModel?
        var start = 0
        while start <= body.count {
            let end = body[start...].firstIndex(of: UInt8(ascii: "&")) ?? body.count
            let equals = body[start..<end].firstIndex(of: UInt8(ascii: "=")) ?? end
            guard let name = PercentEncoding.decoded(UnsafeRawBufferPointer(rebasing: body[start..<equals]), plusIsSpace: true)
            else {
                throw Malformed("the form holds what no form can hold")
            }
            if try isModel(name) {
                guard found == nil else { throw twice }
                // A name alone leaves no place where another model could stand.
                guard equals < end else { throw Malformed("the form's 'model' is empty") }
                let range = (equals + 1)..<end
                guard let value = PercentEncoding.decoded(UnsafeRawBufferPointer(rebasing: body[range]), plusIsSpace: true) else {
                    throw Malformed("the form's 'model' is no text")
                }
                found = FormModel(name: value, range: range, isURLEncoded: true)
            }
            try checkSemicolons(in: UnsafeRawBufferPointer(rebasing: body[start..<end]))
            start = end + 1
        }
        return found
    }

    /// Whether a reader of forms, however lenient, would find a model in what is JSON. The first field begins with a brace.
    static func mayBeNamed(within json: UnsafeRawBufferPointer) -> Bool {
        var rest = json[...]
        while let mark = rest.firstIndex(where: { $0 == UInt8(ascii: "&") || $0 == UInt8(ascii: ";") }) {
            rest = rest[(mark + 1)...]
            let field = rest.prefix { $0 != UInt8(ascii: "&") && $0 != UInt8(ascii: ";") }
            rest = rest[field.endIndex...]
            guard let equals = field.firstIndex(of: UInt8(ascii: "=")) else { continue }
            let name = PercentEncoding.decoded(UnsafeRawBufferPointer(rebasing: field[..<equals]), plusIsSpace: true)
            // One in other letters is as good as one.
            if let name, (try? isModel(name)) ?? true { return true }
        }
        return false
    }

    /// Some readers part fields at semicolons too: none of theirs may be the model's.
    private static func checkSemicolons(in piece: UnsafeRawBufferPointer) throws(Malformed) {
        var rest = piece[...]
        while let mark = rest.firstIndex(of: UInt8(ascii: ";")) {
            rest = rest[(mark + 1)...]
            let name = UnsafeRawBufferPointer(rebasing: rest.prefix { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: "=") })
            if try isModel(PercentEncoding.decoded(name, plusIsSpace: true) ?? "") { throw twice }
        }
    }

    // MARK: multipart/form-data (RFC 7578, RFC 2046 §5.1)

    private static let maximumPartHead = 8 << 10
    private static let maximumParts = 1000

    /// A body of which no part can have a name is no form that could name a model, whatever else it is.
    static func multipart(_ body: UnsafeRawBufferPointer, boundary: [UInt8]) throws(Malformed) -> FormModel? {
        do {
            return try strictMultipart(body, boundary: boundary)
        } catch {
            guard mentionsName(body) else { return nil }
            throw error
        }
    }

    /// Whether `name` is anywhere, in any case of letters.
    private static func mentionsName(_ body: UnsafeRawBufferPointer) -> Bool {
        guard let base = body.baseAddress else { return false }
        var index = 0
        // Looked for by its rarest letter, sixteen bytes at a time.
        while true {
            let lower = ByteScan.firstIndex(of: UInt8(ascii: "m"), base, from: index, to: body.count)
            let upper = ByteScan.firstIndex(of: UInt8(ascii: "M"), base, from: index, to: lower)
            guard upper < body.count else { return false }
            if upper >= 2, upper + 1 < body.count, body[upper - 2] | 0x20 == UInt8(ascii: "n"),
                body[upper - 1] | 0x20 == UInt8(ascii: "a"), body[upper + 1] | 0x20 == UInt8(ascii: "e")
            {
                return true
            }
            index = upper + 1
        }
    }

    private static func strictMultipart(_ body: UnsafeRawBufferPointer, boundary: [UInt8]) throws(Malformed) -> FormModel? {
        guard isBoundary(boundary) else { throw Malformed("the form's boundary is missing or none") }
        let broken = Malformed("the form is malformed")
        let opening = Array("--".utf8) + boundary
        let delimiter = Array("\r\n".utf8) + opening
        guard body.starts(with: opening) else { throw broken }
        var found: FormModel?
        var position = opening.count
        var parts = 0
        while true {
            // Behind a delimiter: the line's end, or the dashes that end the form.
            guard position + 2 <= body.count else { throw broken }
            let mark = (body[position], body[position + 1])
            if mark == (UInt8(ascii: "-"), UInt8(ascii: "-")) {
                let rest = body[(position + 2)...]
                guard rest.isEmpty || rest.elementsEqual("\r\n".utf8) else { throw broken }
                return found
            }
            guard mark == (HTTPByte.carriageReturn, HTTPByte.lineFeed) else { throw broken }
            parts += 1
            guard parts <= maximumParts else { throw Malformed("the form has too many parts") }
            // A part's head begins with its first line's own bytes, so the blank line behind it has two line ends.
            let window = UnsafeRawBufferPointer(rebasing: body[position..<min(body.count, position + maximumPartHead)])
            guard let headEnd = index(of: Array("\r\n\r\n".utf8), in: window) else { throw broken }
            let head = UnsafeRawBufferPointer(rebasing: window[min(2, headEnd)..<headEnd])
            let content = position + headEnd + 4
            let rest = UnsafeRawBufferPointer(rebasing: body[content...])
            // An empty part's delimiter shares the blank line's end with its head.
            guard let length = index(of: delimiter, in: rest) else { throw broken }
            // Readers that take a bare line end before a delimiter would see another part begin.
            if holdsBareDelimiter(UnsafeRawBufferPointer(rebasing: rest[..<length]), opening) { throw broken }
            let part = try Part(head)
            if try isModel(part.name) {
                guard found == nil else { throw twice }
                guard !part.isFile, !part.isEncoded else { throw Malformed("the form's 'model' is no plain text") }
                let range = content..<content + length
                guard range.count <= ModelName.maximumBytes * 4,
                    let name = String(validating: UnsafeRawBufferPointer(rebasing: body[range]), as: UTF8.self)
                else { throw Malformed("the form's 'model' is no model's name") }
                found = FormModel(name: name, range: range, isURLEncoded: false)
            }
            position = content + length + delimiter.count
        }
    }

    private static func holdsBareDelimiter(_ content: UnsafeRawBufferPointer, _ opening: [UInt8]) -> Bool {
        if content.starts(with: opening) { return true }
        return [HTTPByte.lineFeed, HTTPByte.carriageReturn].contains { index(of: [$0] + opening, in: content) != nil }
    }

    /// `bchars` of RFC 2046 §5.1.1, at most seventy, no blank.
    private static func isBoundary(_ boundary: [UInt8]) -> Bool {
        (1...70).contains(boundary.count)
            && boundary.allSatisfy { ASCII.isAlphanumeric($0) || "'()+_,-./:=?".utf8.contains($0) }
    }

    static func index(of needle: [UInt8], in bytes: UnsafeRawBufferPointer) -> Int? {
        guard let base = bytes.baseAddress, let first = needle.first, needle.count <= bytes.count else { return nil }
        let end = bytes.count - needle.count + 1
        var start = 0
        while true {
            start = ByteScan.firstIndex(of: first, base, from: start, to: end)
            guard start < end else { return nil }
            var matched = 1
            while matched < needle.count, base.byte(at: start + matched) == needle[matched] { matched += 1 }
            if matched == needle.count { return start }
            start += 1
        }
    }

    /// What the head of a part says.
    private struct Part {
        var name = ""
        var isFile = false
        /// Its content is written in another way than as it is.
        var isEncoded = false

        init(_ head: UnsafeRawBufferPointer) throws(Malformed) {
            let broken = Malformed("a part of the form has a malformed head")
            var dispositions = 0
            for line in String(decoding: head, as: UTF8.self).split(separator: "\r\n", omittingEmptySubsequences: false) {
                guard !line.utf8.contains(where: { ByteScan.isControl($0) }),
                    let colon = line.utf8.firstIndex(of: HTTPByte.colon),
                    colon > line.startIndex, line[..<colon].utf8.allSatisfy(ByteScan.isToken)
                else { throw broken }
                let field = line[..<colon].lowercased()
                let value = line[line.utf8.index(after: colon)...]
                switch field {
                case "content-disposition":
                    dispositions += 1
                    guard let parameters = Parameters(value), parameters.value == "form-data" else { throw broken }
                    guard let name = parameters["name"] else { throw Malformed("a part of the form has no name") }
                    self.name = name
                    isFile = parameters["filename"] != nil || parameters["filename*"] != nil
                    guard parameters["name*"] == nil else { throw broken }
                case "content-transfer-encoding":
                    let coding = value.filter { $0 != " " && $0 != "\t" }.lowercased()
                    isEncoded = !["7bit", "8bit", "binary"].contains(coding)
                default: continue
                }
            }
            guard dispositions == 1 else { throw broken }
        }
    }
}

/// A field's value and its parameters (RFC 9110 §5.6.6): `form-data; name="model"`. Nil where it can be read in two ways.
struct Parameters {
    /// The value, in lower case.
    let value: String
    private var named: [String: String] = [:]

    subscript(name: String) -> String? { named[name] }

    init?(_ text: Substring) {
        let bytes = Array(text.utf8)
        var index = 0
        func skipBlanks() { while index < bytes.count, ByteScan.isBlank(bytes[index]) { index += 1 } }
        skipBlanks()
        let start = index
        while index < bytes.count, bytes[index] != UInt8(ascii: ";"), !ByteScan.isBlank(bytes[index]) { index += 1 }
        value = String(decoding: bytes[start..<index], as: UTF8.self).lowercased()
        while true {
            skipBlanks()
            if index == bytes.count { return }
            guard bytes[index] == UInt8(ascii: ";") else { return nil }
            index += 1
            skipBlanks()
            if index == bytes.count { return }
            let nameStart = index
            while index < bytes.count, ByteScan.isToken(bytes[index]) { index += 1 }
            let name = String(decoding: bytes[nameStart..<index], as: UTF8.self).lowercased()
            guard !name.isEmpty, index < bytes.count, bytes[index] == UInt8(ascii: "=") else { return nil }
            index += 1
            var content: [UInt8] = []
            if index < bytes.count, bytes[index] == UInt8(ascii: "\"") {
                index += 1
                while true {
                    guard index < bytes.count else { return nil }
                    if bytes[index] == UInt8(ascii: "\"") { break }
                    // Browsers write a backslash as it is, others mean an escape: only what both read alike is taken.
                    if bytes[index] == UInt8(ascii: "\\") {
                        guard index + 1 < bytes.count, name != "name", name != "boundary" else { return nil }
                        index += 1
                    }
                    content.append(bytes[index])
                    index += 1
                }
                index += 1
            } else {
                while index < bytes.count, ByteScan.isToken(bytes[index]) || (name == "boundary" && isBoundaryMark(bytes[index]))
                {
                    content.append(bytes[index])
                    index += 1
                }
                guard !content.isEmpty else { return nil }
            }
            guard named.updateValue(String(decoding: content, as: UTF8.self), forKey: name) == nil else { return nil }
        }
    }

    /// Boundaries are written without quotes by many that would need them.
    private func isBoundaryMark(_ byte: UInt8) -> Bool { "()/:=?".utf8.contains(byte) }
}
