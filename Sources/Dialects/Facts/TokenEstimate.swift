import Basics

/// How many input tokens a request is likely to cost, without a tokenizer (conversion.md 8.1).
///
/// The bytes of the members that reach the model (messages, system, tools, and their like in each format) divided by 3.6, plus 4 for
/// each message and 1,600 for each image. Base64 of images and documents is taken out first; a document counts 1,500. JSON
/// punctuation counts as text, so an estimate of a prompt of many small messages is rather too high than too low.
public enum TokenEstimate {
    static let perMessage = 4
    static let perImage = 1_600
    static let perDocument = 1_500

    /// The estimate for `body`, whose members `JSONScan.members` listed.
    public static func tokens(body: UnsafeRawBufferPointer, members: [JSONMember], dialect: ClientDialect) -> Int {
        var bytes = 0
        var messages = 0
        var images = 0
        var documents = 0
        // Shown by address or by data, an image is announced by its type.
        for member in members where isPrompt(body.slice(member.key)) {
            let piece = body.slice(member.value)
            bytes &+= piece.count
            if member.kind == .array { messages &+= roleCount(in: piece) }
            images &+= imageCount(in: piece, dialect)
            guard member.value.count > 256 else { continue }
            let blobs = blobs(in: piece)
            bytes &-= blobs.bytes
            documents &+= blobs.documents
        }
        let text = (bytes &* 10) / 36
        return Swift.max(text &+ messages &* perMessage &+ images &* perImage &+ documents &* perDocument, 1)
    }

    /// A rougher estimate that costs next to nothing, whatever the body's size: what is at every 4,096th byte says whether so
    /// many bytes are text or base64.
    public static func quick(body: UnsafeRawBufferPointer, members: [JSONMember]) -> Int {
        var bytes = 0
        var blobs = 0
        for member in members where isPrompt(body.slice(member.key)) {
            bytes &+= member.value.count
            var isBlob = false
            var index = member.value.lowerBound &+ stride
            while index < member.value.upperBound {
                let isData = isBase64(body, index &- 64, Swift.min(index &+ 256, member.value.upperBound))
                if isData { bytes &-= stride }
                if isData, !isBlob { blobs &+= 1 }
                isBlob = isData
                index &+= stride
            }
        }
        return Swift.max(bytes &* 10 / 36 &+ blobs &* perImage, 1)
    }

    private static let stride = 4_096

    /// How many tokens stand in what has come of a whole response.
    public static func response(_ body: UnsafeRawBufferPointer) -> Int {
        (TextMeasure.bytes(of: body) &+ TextMeasure.bytesPerToken &- 1) / TextMeasure.bytesPerToken
    }

    private static func isPrompt(_ key: UnsafeRawBufferPointer) -> Bool {
        key.equals("messages") || key.equals("system") || key.equals("tools") || key.equals("contents") || key.equals("input")
            || key.equals("instructions") || key.equals("systemInstruction") || key.equals("system_instruction")
            || key.equals("prompt") || key.equals("functions")
    }

    private static func roleCount(in piece: UnsafeRawBufferPointer) -> Int {
        occurrences(of: "\"role\"", 0x72, after: "", in: piece)
    }

    /// Images that a body shows, by the `type` (Gemini: the media type) that announces each.
    static func imageCount(in body: UnsafeRawBufferPointer, _ dialect: ClientDialect) -> Int {
        switch dialect {
        case .anthropic: occurrences(of: "\"image\"", 0x69, after: "\"type\"", in: body)
        case .openai: occurrences(of: "\"image_url\"", 0x69, after: "\"type\"", in: body)
        case .responses: occurrences(of: "\"input_image\"", 0x69, after: "\"type\"", in: body)
        case .gemini:
            occurrences(of: "\"image/", 0x69, after: "\"mimeType\"", in: body)
                &+ occurrences(of: "\"image/", 0x69, after: "\"mime_type\"", in: body)
        }
    }

    /// How often `text` (a quote, then `second`) is in `bytes`, as the value of `key` unless that is empty.
    private static func occurrences(
        of text: StaticString, _ second: UInt8, after key: StaticString, in bytes: UnsafeRawBufferPointer
    ) -> Int {
        guard let base = bytes.baseAddress else { return 0 }
        var count = 0
        var index = 0
        while true {
            index = ByteSearch.quoted(base, from: index, to: bytes.count, second, second, second)
            guard index < bytes.count else { return count }
            if ByteSearch.has(text, base, at: index, to: bytes.count), isValue(of: key, base, at: index) { count &+= 1 }
            index &+= 1
        }
    }

    private static func isValue(of key: StaticString, _ base: UnsafeRawPointer, at index: Int) -> Bool {
        key.utf8CodeUnitCount == 0 || isValue(ending: key, base, at: index)
    }

    /// Whether what begins at `index` is the value of a key that ends so.
    private static func isValue(ending key: StaticString, _ base: UnsafeRawPointer, at index: Int) -> Bool {
        let count = key.utf8CodeUnitCount
        var before = index
        while before > 0 {
            let byte = base.load(fromByteOffset: before &- 1, as: UInt8.self)
            guard byte <= 0x20 || byte == 0x3A else { break }
            before &-= 1
        }
        return before >= count && before < index && ByteSearch.has(key, base, at: before &- count, to: before)
    }

    /// Long strings of base64's letters that stand where data is: their bytes, and how many of them are no images.
    private static func blobs(in piece: UnsafeRawBufferPointer) -> (bytes: Int, documents: Int) {
        guard let base = piece.baseAddress else { return (0, 0) }
        var result = (bytes: 0, documents: 0)
        var index = 0
        while index < piece.count {
            // At or after a quote: the string runs to the next one, escapes included.
            let end = ByteSearch.plainEnd(base, from: index, to: piece.count)
            if end &- index > 1_024, isData(base, index, end), isBase64(piece, index, end) {
                result.bytes &+= end &- index
                let before = piece.slice(Swift.max(0, index &- 200)..<Swift.min(index &+ 40, end))
                if !ByteSearch.contains("image/", in: before) { result.documents &+= 1 }
            }
            index = end &+ 1
        }
        return result
    }

    /// Whether a string is the value of a member that holds data (`data`, `file_data`), or a `data:` address.
    private static func isData(_ base: UnsafeRawPointer, _ start: Int, _ end: Int) -> Bool {
        if ByteSearch.has("data:", base, at: start, to: end) { return true }
        return start > 0 && isValue(ending: "data\"", base, at: start &- 1)
    }

    /// A look at three stretches of a long run is enough to tell base64 from prose.
    private static func isBase64(_ piece: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> Bool {
        for offset in [start &+ 64, (start &+ end) / 2, end &- 96] {
            var index = Swift.max(offset, start)
            while index < Swift.min(offset &+ 64, end) {
                switch piece[index] {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2B, 0x2F, 0x2D, 0x5F, 0x3D: index &+= 1
                default: return false
                }
            }
        }
        return true
    }
}
