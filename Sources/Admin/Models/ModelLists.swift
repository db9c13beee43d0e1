import Dialects
import Foundation
import ProxyCore
import RuleEngine

/// `GET /v1/models` and its like, in the shape of the client's dialect (conversion.md 8.2).
struct ModelLists {
    let catalog: ModelCatalog
    let now: Date

    /// The list, or the one model `id`.
    func respond(to request: LocalRequest, dialect: ClientDialect, id: String?) -> LocalResponse {
        let errors = ClientError(dialect: dialect, requestID: request.requestID)
        guard let key = request.key else { return errors.response(.authentication, "show a valid API key") }
        guard key.enabled else { return errors.response(.permission, "this API key is disabled") }
        if let expires = key.expires, expires <= Int(clamping: now) {
            return errors.response(.permission, "this API key has expired")
        }
        let configuration = catalog.snapshot.configuration
        guard let policy = configuration.policies[key.policy] ?? configuration.policies["default"] else {
            return errors.response(.permission, "this API key's policy is not configured")
        }
        guard Self.allows(policy, request.clientAddress) else {
            return errors.response(.permission, "this API key may not be used from your address")
        }
        let shape = ModelShape(dialect: dialect, loadedAt: catalog.snapshot.loadedAt)
        guard let id else {
            guard let list = shape.list(catalog.models(for: policy), RequestQuery(request.query)) else {
                return errors.response(.badRequest, "the page asked for is not there")
            }
            return .json(list)
        }
        guard let model = catalog.model(id, for: policy) else {
            return errors.response(.notFound, "model '\(id)' is not known, or not allowed for this key")
        }
        return .json(shape.entry(model))
    }

    private static func allows(_ policy: KeyPolicy, _ address: String) -> Bool {
        guard !policy.allowFrom.isEmpty else { return true }
        guard let address = AddressRange.Address(address) else { return false }
        return policy.allowFrom.contains { $0.contains(address) }
    }
}

/// How one dialect writes models and lists of them.
struct ModelShape {
    let dialect: ClientDialect
    /// Stands for when a model came to be, which no one tells.
    let loadedAt: Date

    func entry(_ model: ModelCatalog.Entry) -> JSONValue {
        let id = model.id
        let name = model.displayName ?? id
        let pricing = model.price.map(ModelDirectory.pricing)
        switch dialect {
        case .anthropic:
            let entry: JSONValue = [
                "type": "model", "id": .string(id), "display_name": .string(name),
                "created_at": .string(ZonedTime(zone: .utc).iso(loadedAt).replacingOccurrences(of: "+00:00", with: "Z")),
                "lifecycle": "active",
            ]
            return Self.adding(
                [
                    ("max_input_tokens", .known(model.details?.context)), ("max_tokens", .known(model.details?.maxOutput)),
                    ("context_window", .known(model.details?.context)), ("max_output_tokens", .known(model.details?.maxOutput)),
                    ("pricing", pricing),
                ], to: entry)
        case .openai, .responses:
            let entry: JSONValue = [
                "id": .string(id), "object": "model", "created": .int(Int(clamping: loadedAt)), "owned_by": "proxyd",
            ]
            let named = name == id ? entry : entry.adding(["display_name": .string(name)])
            return Self.adding(
                [
                    ("context_window", .known(model.details?.context)), ("max_output_tokens", .known(model.details?.maxOutput)),
                    ("context_length", .known(model.details?.context)), ("architecture", Self.architecture(model.details)),
                    ("pricing", pricing),
                ], to: named)
        case .gemini:
            let entry: JSONValue = [
                "name": .string("models/\(id)"), "displayName": .string(name), "description": "", "version": "001",
                "supportedGenerationMethods": ["generateContent", "countTokens"],
            ]
            return Self.adding(
                [
                    ("inputTokenLimit", .known(model.details?.context)), ("outputTokenLimit", .known(model.details?.maxOutput)),
                    ("pricing", pricing),
                ], to: entry)
        }
    }

    /// What is known is told, and nothing else.
    private static func adding(_ members: [(String, JSONValue?)], to entry: JSONValue) -> JSONValue {
        members.reduce(entry) { entry, member in member.1.map { entry.adding([member.0: $0]) } ?? entry }
    }

    private static func architecture(_ details: ListedModel?) -> JSONValue? {
        guard let details, !details.inputModalities.isEmpty || !details.outputModalities.isEmpty else { return nil }
        return [
            "input_modalities": .strings(details.inputModalities), "output_modalities": .strings(details.outputModalities),
        ]
    }

    /// nil for a page that cannot be: a limit that is none, a model to begin after that is not listed.
    func list(_ models: [ModelCatalog.Entry], _ query: RequestQuery) -> JSONValue? {
        switch dialect {
        case .anthropic: anthropicPage(models, query)
        case .openai, .responses:
            [
                "object": "list", "data": .array(models.map(entry)),
                "models": .array(models.enumerated().map { CodexModel.entry($1, priority: $0) }),
            ]
        case .gemini: geminiPage(models, query)
        }
    }

    private func anthropicPage(_ models: [ModelCatalog.Entry], _ query: RequestQuery) -> JSONValue? {
        guard let limit = Self.limit(query["limit"], default: 20) else { return nil }
        var page = models[...]
        var more = false
        if let after = query["after_id"] {
            guard let index = models.firstIndex(where: { $0.id == after }) else { return nil }
            page = models[(index + 1)...]
        }
        if let before = query["before_id"] {
            guard let index = page.firstIndex(where: { $0.id == before }) else { return nil }
            page = page[..<index]
            more = page.count > limit
            page = page.suffix(limit)
        } else {
            more = page.count > limit
            page = page.prefix(limit)
        }
        return [
            "data": .array(page.map(entry)), "has_more": .bool(more), "first_id": .text(page.first?.id),
            "last_id": .text(page.last?.id),
        ]
    }

    private func geminiPage(_ models: [ModelCatalog.Entry], _ query: RequestQuery) -> JSONValue? {
        guard let limit = Self.pageSize(query["pageSize"]) else { return nil }
        let start = query["pageToken"].flatMap { $0.isEmpty ? "0" : $0 } ?? "0"
        guard let offset = Int(start), (0...models.count).contains(offset) else { return nil }
        let page = models[offset...].prefix(limit)
        let list: JSONValue = ["models": .array(page.map(entry))]
        return page.endIndex < models.count ? list.adding(["nextPageToken": .string(String(page.endIndex))]) : list
    }

    /// Reads a page's size as Google does: 0 and none are the default, more than 1000 are 1000.
    private static func pageSize(_ text: String?) -> Int? {
        guard let text, !text.isEmpty else { return 50 }
        guard let size = Int(text), size >= 0 else { return nil }
        return size == 0 ? 50 : min(size, 1000)
    }

    /// 1–1000, as Anthropic has it.
    private static func limit(_ text: String?, default standard: Int) -> Int? {
        guard let text else { return standard }
        guard let limit = Int(text), (1...1000).contains(limit) else { return nil }
        return limit
    }
}

extension JSONValue {
    /// nil for what is not known.
    fileprivate static func known(_ value: Int?) -> JSONValue? { value.map(JSONValue.int) }
}
