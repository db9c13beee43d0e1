extension Capabilities {
    /// Sets one of the quirks by its name. Nil: there is none of that name.
    mutating func setQuirk(_ name: String, to value: String) -> Bool? {
        if let flag = value == "true" ? true : value == "false" ? false : nil, let isSet = setQuirk(name, flag) { return isSet }
        switch name {
        case "claude.drop": return Self.add(FieldPath.list(value), to: &anthropic.quirks.drops)
        case "claude.fixed": return Self.add(FieldValue.list(value), to: &anthropic.quirks.fixed)
        case "claude.thinking_off":
            guard value == "never" || value == "disabled" else { return false }
            anthropic.quirks.thinksAlways = value == "never"
            if value == "disabled" { anthropic.disabledThinking = true }
            return true
        default: return openAI.quirks.set(name, to: value)
        }
    }

    private mutating func setQuirk(_ name: String, _ flag: Bool) -> Bool? {
        switch name {
        case "claude.unsigned_thinking": anthropic.quirks.unsignedThinking = flag
        case "claude.effort": anthropic.quirks.takesEffort = flag
        default: return openAI.quirks.set(name, flag)
        }
        return true
    }

    fileprivate static func assign<Value>(_ value: Value?, to field: inout Value) -> Bool {
        guard let value else { return false }
        field = value
        return true
    }

    /// Adds to what is known already; an empty list forgets that.
    fileprivate static func add(_ paths: [FieldPath]?, to field: inout [FieldPath]) -> Bool {
        guard let paths else { return false }
        field = paths.isEmpty ? [] : field + paths.filter { !field.contains($0) }
        return true
    }

    /// The same for values, of which the last one for a path holds.
    fileprivate static func add(_ values: [FieldValue]?, to field: inout [FieldValue]) -> Bool {
        guard let values else { return false }
        field = values.isEmpty ? [] : field.filter { old in !values.contains { $0.path == old.path } } + values
        return true
    }
}

extension ChatQuirks {
    fileprivate mutating func set(_ name: String, _ flag: Bool) -> Bool? {
        switch name {
        case "oai.echo_always": echoAlways = flag
        case "oai.verbosity": verbosity = flag
        case "oai.cache_key": cacheKey = flag
        case "oai.service_tier": serviceTier = flag
        case "oai.user": user = flag
        case "oai.parallel_calls": parallelCalls = flag
        case "oai.strict_tools": strictTools = flag
        case "oai.images": images = flag
        case "oai.files": files = flag
        case "oai.audio": audio = flag
        case "oai.has_responses": hasResponses = flag
        case "oai.think_tags":
            thinkTags = flag
            if !flag { opensThoughts = false }
        case "oai.cache_marks": cacheMarks = flag
        case "oai.call_signatures": callSignatures = flag
        case "oai.effort_with_tools":
            guard flag else { return false }
            effortWithTools = .taken
        default: return nil
        }
        return true
    }

    fileprivate mutating func set(_ name: String, to value: String) -> Bool? {
        switch name {
        case "oai.drop": return Capabilities.add(FieldPath.list(value), to: &drops)
        case "oai.rename": return Capabilities.add(FieldValue.list(value), to: &renames)
        case "oai.add": return Capabilities.add(FieldValue.list(value), to: &additions)
        case "oai.fixed": return Capabilities.add(FieldValue.list(value), to: &fixed)
        case "oai.effort_field":
            guard value != "none" else {
                effortField = .none
                return true
            }
            guard let path = FieldPath(value) else { return false }
            effortField = .at(path)
        case "oai.effort_words":
            guard let words = FieldValue.list(value) else { return false }
            effortWords = [:]
            for word in words {
                guard let level = word.path.member.flatMap({ ReasoningLevel($0) }), let said = word.value?.string else {
                    return false
                }
                effortWords[level.label] = said
            }
        case "oai.effort_with_tools": return Capabilities.assign(EffortWithTools(rawValue: value), to: &effortWithTools)
        case "oai.thinking_off": return Capabilities.assign(ThinkingWords(value), to: &thinkingOff)
        case "oai.thinking_on": return Capabilities.assign(ThinkingWords(value), to: &thinkingOn)
        case "oai.call_ids":
            guard let rule = CallIDs(value) else { return false }
            callIDs = rule
        case "oai.tool_choice_any":
            guard ["required", "any", "auto"].contains(value) else { return false }
            anyToolWord = value
        case "oai.think_tags":
            guard value == "opened" else { return false }
            opensThoughts = true
            if thinkTags == false { thinkTags = nil }
        case "oai.json_schema": return Capabilities.assign(SchemaSupport(rawValue: value), to: &jsonSchema)
        default: return nil
        }
        return true
    }
}

extension ChatQuirks.ThinkingWords {
    fileprivate init?(_ text: String) {
        guard text != "never" else {
            self = .never
            return
        }
        guard let words = FieldValue.list(text), words.allSatisfy({ $0.value != nil }) else { return nil }
        self = .words(words)
    }
}
