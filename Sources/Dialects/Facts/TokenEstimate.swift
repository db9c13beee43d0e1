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

    /// What a look at a request's prompt finds.
    public struct Prompt: Sendable, Hashable {
        public var tokens = 1
        /// Whether a part of it is marked to be kept in a cache.
        public var marksCache = false
    }

    /// The estimate for `body`, whose members `JSONScan.members` listed.
    public static func tokens(body: UnsafeRawBufferPointer, members: [JSONMember], dialect: ClientDialect) -> Int {
        prompt(body: body, members: members, dialect: dialect).tokens
    }

    /// The same, and what else one pass over the bytes tells.
    public static func prompt(body: UnsafeRawBufferPointer, members: [JSONMember], dialect: ClientDialect) -> Prompt {
        var prompt = Prompt()
        var bytes = 0
        var messages = 0
        var images = 0
        var documents = 0
        for member in members {
            let key = body.slice(member.key)
            if key.equals("cache_control") { prompt.marksCache = true }
            guard isPrompt(key, bytes: member.value.count) else { continue }
            let piece = body.slice(member.value)
            bytes &+= piece.count
            let marks = marks(in: piece, dialect)
            if member.kind == .array { messages &+= marks.roles }
            images &+= marks.images
            if marks.cached > 0 { prompt.marksCache = true }
            guard piece.count > shortestBlob else { continue }
            let blobs = blobs(in: piece)
            bytes &-= blobs.bytes
            documents &+= blobs.documents
        }
        let text = (bytes &* 10) / 36
        prompt.tokens = Swift.max(
            text &+ messages &* perMessage &+ images &* perImage &+ documents &* perDocument, 1)
        return prompt
    }

    /// Bytes; shorter strings are text, whatever their letters.
    private static let shortestBlob = 1_024

    /// A rougher estimate that costs next to nothing, whatever the body's size: what is at every 4,096th byte says whether so
    /// many bytes are text or base64.
    public static func quick(body: UnsafeRawBufferPointer, members: [JSONMember]) -> Int {
        var bytes = 0
        var blobs = 0
        for member in members where isPrompt(body.slice(member.key), bytes: member.value.count) {
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
        response(byteCount: TextMeasure.bytes(of: body))
    }

    /// The same of which no more than its length is known.
    public static func response(byteCount: Int) -> Int {
        (byteCount &+ TextMeasure.bytesPerToken &- 1) / TextMeasure.bytesPerToken
    }

    /// - Parameter bytes: of the member's value.
    private static func isPrompt(_ key: UnsafeRawBufferPointer, bytes: Int) -> Bool {
        key.equals("messages") || key.equals("system") || key.equals("tools") || key.equals("contents") || key.equals("input")
            || key.equals("instructions") || key.equals("systemInstruction") || key.equals("system_instruction")
            || key.equals("prompt") || key.equals("functions")
            // What is ranked, and what Cohere embeds.
            || key.equals("documents") || key.equals("query") || key.equals("texts")
            // What is to come after what is written, and the form of an answer where it is spelled out.
            || key.equals("suffix") || (bytes > shortestForm && isForm(key))
    }

    /// Bytes; what is shorter holds no schema to speak of.
    private static let shortestForm = 256

    private static func isForm(_ key: UnsafeRawBufferPointer) -> Bool {
        key.equals("response_format") || key.equals("output_config") || key.equals("output_format") || key.equals("text")
            || key.equals("generationConfig") || key.equals("generation_config")
    }

    /// Keys and values by which a prompt says what it has.
    private struct Marks {
        var roles = 0
        var images = 0
        var cached = 0
    }

    /// All of them in one pass: each is a quote and one of three letters.
    private static func marks(in bytes: UnsafeRawBufferPointer, _ dialect: ClientDialect) -> Marks {
        var marks = Marks()
        guard let base = bytes.baseAddress else { return marks }
        var index = 0
        while true {
            index = ByteSearch.quoted(base, from: index, to: bytes.count, 0x72, 0x69, 0x63)
            guard index < bytes.count else { return marks }
            switch base.load(fromByteOffset: index &+ 1, as: UInt8.self) {
            case 0x72: if ByteSearch.has("\"role\"", base, at: index, to: bytes.count) { marks.roles &+= 1 }
            case 0x63: if ByteSearch.has("\"cache_control\"", base, at: index, to: bytes.count) { marks.cached &+= 1 }
            default: if announcesImage(base, at: index, to: bytes.count, dialect) { marks.images &+= 1 }
            }
            index &+= 1
        }
    }

    /// Images that a body shows, by the `type` (Gemini: the media type) that announces each.
    static func imageCount(in body: UnsafeRawBufferPointer, _ dialect: ClientDialect) -> Int { marks(in: body, dialect).images }

    /// Whether an image's type begins at `index`, as the value of the key that tells it.
    private static func announcesImage(_ base: UnsafeRawPointer, at index: Int, to end: Int, _ dialect: ClientDialect) -> Bool {
        func stands(_ text: StaticString, after key: StaticString) -> Bool {
            ByteSearch.has(text, base, at: index, to: end) && isValue(ending: key, base, at: index)
        }
        return switch dialect {
        case .anthropic: stands("\"image\"", after: "\"type\"")
        case .openai: stands("\"image_url\"", after: "\"type\"")
        case .responses: stands("\"input_image\"", after: "\"type\"")
        case .gemini: stands("\"image/", after: "\"mimeType\"") || stands("\"image/", after: "\"mime_type\"")
        }
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
            if end &- index > shortestBlob, isData(base, index, end), isBase64(piece, index, end) {
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
