extension HubRequest {
    /// Says in words what OpenAI's formats take of a wish for JSON only with words beside it, or not at all.
    mutating func fitFormat(isFirstParty: Bool, _ work: inout RequestWork) throws(ConversionProblem) {
        // OpenAI's own clients know what it wants.
        guard client == .gemini || client == .anthropic else { return }
        switch format {
        case .jsonObject:
            // Refused where nothing in the prompt speaks of JSON.
            let texts = system.map(\.text) + turns.flatMap { $0.blocks.compactMap(\.text) }
            guard !texts.contains(where: { $0.string?.lowercased().contains("json") ?? false }) else { return }
            system.append(HubText(text: "Answer in JSON."))
        case .schema(_, let schema, _, _):
            // Refused where it is of a list or of a single value.
            guard isFirstParty, let type = schema["type"]?.string, type != "object" else { return }
            let wish = "Answer with JSON only, without any other text. It must match this JSON schema:\n"
            system.append(HubText(text: .string(wish + schema.text)))
            format = nil
            try work.note(.format, .approximated)
        case nil: break
        }
    }
}
