import Basics

/// A file that a client gives with its data, as the block that an upstream can make most of.
enum AttachedFile {
    /// Types that are text, beside `text/…` and what ends in `+json` or `+xml`.
    private static let texts: Set<String> = [
        "application/json", "application/x-ndjson", "application/jsonl", "application/xml", "application/yaml",
        "application/x-yaml", "application/toml", "application/javascript", "application/x-javascript",
        "application/typescript", "application/x-sh", "application/x-python", "application/sql", "application/csv",
        "application/rtf",
    ]

    /// - Parameters:
    ///   - type: the media type the client gives; empty: as the data or the name says.
    ///   - data: base64.
    ///   - path: the field at fault where no upstream of the kind takes such a file.
    static func block(
        type given: String, data: String, title: String?, cache: HubCacheMark? = nil, path: String, _ work: RequestWork
    ) throws(ConversionProblem) -> HubBlock {
        let type = bare(given).isEmpty ? sniffed(data, title) : bare(given)
        if type == "application/pdf" {
            return .document(HubDocument(source: .base64(type: type, data: data), title: title, cache: cache))
        }
        if type.hasPrefix("image/") {
            guard readByAll.contains(type) || work.upstream.format.kin == .gemini else { throw unknown(type, path) }
            return .image(HubMedia(source: .base64(type: type, data: data), cache: cache))
        }
        if type.hasPrefix("audio/") { return .audio(HubAudio(format: format(type), data: data)) }
        let isText = type.hasPrefix("text/") || texts.contains(type) || type.hasSuffix("+json") || type.hasSuffix("+xml")
        if isText, let bytes = Base64.decode(data) {
            return .document(
                HubDocument(source: .text(String(decoding: bytes, as: UTF8.self)), title: title, cache: cache))
        }
        switch work.upstream.format.kin {
        case .gemini where !type.isEmpty: break
        case .responses where !type.isEmpty && !type.hasPrefix("video/"): break
        case .anthropic, .openai, .responses, .gemini: throw unknown(type, path)
        }
        return .document(HubDocument(source: .base64(type: type, data: data), title: title, cache: cache))
    }

    /// The image types that all vendors read.
    static let readByAll: Set<String> = ["image/jpeg", "image/png", "image/gif", "image/webp"]

    /// A media type in lower case, without its parameters and under its usual name.
    private static func bare(_ type: String) -> String {
        let bare = (type.split(separator: ";").first.map(String.init) ?? "").trimmingSpace.lowercased()
        return bare == "image/jpg" ? "image/jpeg" : bare == "application/octet-stream" ? "" : bare
    }

    /// The type that data or the ending of a name tell; empty when neither does.
    private static func sniffed(_ data: String, _ title: String?) -> String {
        if data.hasPrefix("JVBERi") { return "application/pdf" }
        if let image = MediaType.sniff(base64: data) { return image }
        return title.map(named) ?? ""
    }

    /// The type that the ending of a name or an address tells, else `other`.
    static func named(_ name: String, or other: String) -> String {
        let type = named(name)
        return type.isEmpty ? other : type
    }

    /// The type that the ending of a name or an address tells; empty when it is not known.
    static func named(_ name: String) -> String {
        let path = name.split(separator: "?").first.map(String.init) ?? name
        guard let dot = path.lastIndex(of: "."), !path[dot...].contains("/") else { return "" }
        switch path[path.index(after: dot)...].lowercased() {
        case "pdf": return "application/pdf"
        case "png": return "image/png"
        case "jpg", "jpeg": return "image/jpeg"
        case "gif": return "image/gif"
        case "webp": return "image/webp"
        case "heic": return "image/heic"
        case "txt", "md", "csv", "log", "html", "xml", "json", "jsonl", "yaml", "yml", "toml", "py", "js", "ts", "swift", "c",
            "h", "cpp", "rs", "go", "java", "rb", "sh", "sql", "css", "tex", "ini", "conf":
            return "text/plain"
        case "mp3": return "audio/mp3"
        case "wav": return "audio/wav"
        case "ogg": return "audio/ogg"
        case "flac": return "audio/flac"
        case "m4a": return "audio/m4a"
        case "mp4": return "video/mp4"
        case "mov": return "video/quicktime"
        case "webm": return "video/webm"
        default: return ""
        }
    }

    /// The word that OpenAI has for an audio type.
    static func format(_ type: String) -> String {
        switch type.lowercased() {
        case "audio/mpeg", "audio/mpga", "audio/mp3", "audio/x-mp3": "mp3"
        case "audio/wav", "audio/wave", "audio/x-wav", "audio/vnd.wave": "wav"
        default: type.hasPrefix("audio/") ? String(type.dropFirst(6)) : type
        }
    }

    private static func unknown(_ type: String, _ path: String) -> ConversionProblem {
        RequestWork.unsupported(
            path, "files of type \(type.isEmpty ? "unknown" : type) are not available with this upstream")
    }
}
