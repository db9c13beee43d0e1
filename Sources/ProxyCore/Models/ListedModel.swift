import Dialects

/// A model as an upstream's own list has it.
public struct ListedModel: Sendable, Hashable {
    public var id: String
    public var displayName: String?
    /// Tokens that a conversation may have.
    public var context: Int?
    /// Tokens of an answer.
    public var maxOutput: Int?
    public var inputModalities: [String] = []
    public var outputModalities: [String] = []
    public var price: Price?

    public init(id: String) { self.id = id }
}

/// What an upstream's own list held when it was asked for last.
public struct ModelListing: Sendable, Hashable {
    public var models: [ListedModel] = []
    /// Seconds since 1970; nil where it never came.
    public var fetchedAt: Int?
    /// Why the last question gave nothing; the models are those of the one before.
    public var error: String?
    /// A digest of the address that was asked; nil where that is not known.
    var source: String?

    public init() {}
}

/// Reads a page of a list of models: OpenAI's, Anthropic's, Gemini's, and what compatible servers add to them.
struct ModelPage {
    var models: [ListedModel] = []
    /// The parameter that asks for the next page.
    var next: (name: String, value: String)?

    /// What an upstream lists is kept up to here.
    static let mostModels = 2_000

    init?(_ body: [UInt8]) {
        guard let document = try? JSONValue(parsing: body, limits: .init(depth: 32, count: 500_000)) else { return nil }
        guard let items = document["data"]?.array ?? document["models"]?.array ?? document.array else { return nil }
        models = items.prefix(Self.mostModels).compactMap(Self.model)
        if document["has_more"]?.bool == true, let last = document["last_id"]?.string, !last.isEmpty {
            next = ("after_id", last)
        } else if let token = document["nextPageToken"]?.string, !token.isEmpty {
            next = ("pageToken", token)
        }
    }

    private static func model(_ item: JSONValue) -> ListedModel? {
        guard var id = item["id"]?.string ?? item["name"]?.string ?? item["model"]?.string ?? item.string else { return nil }
        if id.hasPrefix("models/") { id = String(id.dropFirst(7)) }
        guard !id.isEmpty, ModelName.problem(id) == nil else { return nil }
        if let methods = item["supportedGenerationMethods"]?.array?.compactMap(\.string) {
            guard methods.contains("generateContent") || methods.contains("embedContent") else { return nil }
        }
        var model = ListedModel(id: id)
        let name = item["display_name"] ?? item["displayName"] ?? (item["id"] == nil ? nil : item["name"])
        model.displayName = name?.string.flatMap { $0.isEmpty || $0.utf8.count > 200 || $0 == id ? nil : $0 }
        let top = item["top_provider"]
        model.context = count(
            item["context_window"], item["context_length"], item["max_context_length"], item["max_model_len"],
            item["inputTokenLimit"], item["max_input_tokens"], top?["context_length"])
        model.maxOutput = count(
            item["max_output_tokens"], item["outputTokenLimit"], item["max_completion_tokens"], top?["max_completion_tokens"],
            item["type"]?.string == "model" ? item["max_tokens"] : nil)
        let architecture = item["architecture"]
        model.inputModalities = words(architecture?["input_modalities"] ?? item["input_modalities"])
        model.outputModalities = words(architecture?["output_modalities"] ?? item["output_modalities"])
        model.price = price(item["pricing"])
        return model
    }

    private static func count(_ values: JSONValue?...) -> Int? {
        values.lazy.compactMap { $0?.int }.first { $0 > 0 && $0 <= 1_000_000_000 }
    }

    private static func words(_ value: JSONValue?) -> [String] {
        (value?.array ?? []).prefix(8).compactMap(\.string).filter { $0.utf8.count <= 32 }
    }

    /// OpenRouter's: dollars per token, as texts; less than none where that varies.
    private static func price(_ value: JSONValue?) -> Price? {
        func nano(_ name: String) -> Int? {
            guard let said = value?[name], let dollars = said.double ?? said.string.flatMap(Double.init), dollars >= 0,
                dollars <= 1
            else { return nil }
            return Int((dollars * 1e15).rounded())
        }
        guard let input = nano("prompt"), let output = nano("completion") else { return nil }
        var price = Price()
        price.input = input
        price.output = output
        price.cacheRead = nano("input_cache_read")
        price.cacheWrite = nano("input_cache_write")
        return price
    }
}
