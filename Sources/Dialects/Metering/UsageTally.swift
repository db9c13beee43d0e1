import Basics

/// The token counts of one response as its vendor reports them: the last value of each field, whatever event it came in.
struct UsageTally: Sendable {
    private var input: Int?
    private var output: Int?
    private var cacheRead: Int?
    private var cacheWrite: Int?
    private var cacheWriteHour: Int?
    private var reasoning: Int?
    /// The same two where a server has them beside its sums and not in their details, which count more.
    private var cacheReadBeside: Int?
    private var reasoningBeside: Int?
    private var toolInput: Int?
    private var total: Int?
    private var local = Local()
    /// What was made or heard, of which a stream of no response tells.
    private(set) var media = Media()
    /// Nano-dollars.
    private var cost: Int?
    /// What OpenRouter says that the provider takes beside it, and whether that is for a key of one's own.
    private var providerCost: Int?
    private var isOwnKey: Bool?
    /// The output is what it was when the response began: that of an Anthropic stream is told as it ends.
    var isOutputEarly = false
    /// A number was told that is known here.
    private(set) var isKnown = false

    /// Reads the usage object in `range`. Fields that are not there keep what they had.
    mutating func merge(_ bytes: UnsafeRawBufferPointer, in range: Range<Int>, _ dialect: ClientDialect) {
        var cursor = JSONCursor(bytes, in: range)
        guard (try? cursor.open(.object)) != nil else { return }
        while let member = (try? cursor.nextMember()) ?? nil {
            switch member.kind {
            case .number:
                if let told = ReportedCost(bytes, member) { note(told) }
                guard let value = Self.count(bytes, member.value) else { continue }
                note(bytes.slice(member.key), value, dialect)
            case .object:
                if let told = ReportedCost(in: bytes, member) { note(told) }
                if let told = ReportedCost(ofProvider: bytes, member) { providerCost = told.nanoDollars }
                mergeDetails(bytes, member)
            case .true, .false:
                if bytes.slice(member.key).equals("is_byok") { isOwnKey = member.kind == .true }
            case .string, .null, .array: continue
            }
        }
    }

    /// Takes a member of a chat response, a choice, a delta or a message that says what it cost: `usage`, Groq's `x_groq.usage`,
    /// and, where there is no usage, llama.cpp's `timings` and Ollama's counts. Whether it says so.
    @discardableResult
    mutating func takeChat(_ bytes: UnsafeRawBufferPointer, _ member: JSONMember) -> Bool {
        let key = bytes.slice(member.key)
        if member.kind == .number {
            guard key.equals("prompt_eval_count") || key.equals("eval_count") else { return false }
            noteLocal(bytes, member)
            return true
        }
        guard member.kind == .object else { return false }
        if key.equals("usage") {
            merge(bytes, in: member.value, .openai)
            return true
        }
        if key.equals("x_groq"), let usage = JSONScan.find("usage", of: bytes, in: member.value), usage.kind == .object {
            merge(bytes, in: usage.value, .openai)
            return true
        }
        guard key.equals("timings") else { return false }
        var cursor = JSONCursor(bytes, in: member.value)
        guard (try? cursor.open(.object)) != nil else { return false }
        while let count = (try? cursor.nextMember()) ?? nil {
            if count.kind == .number { noteLocal(bytes, count) }
        }
        return local.isKnown
    }

    /// The same of a whole response: what is beside the choices, in the first of them, and in its message.
    mutating func takeChat(whole body: UnsafeRawBufferPointer) {
        takeChat(membersOf: 0..<body.count, of: body)
        for name: StaticString in ["meta", "usage"] where !isKnown {
            if let told = JSONScan.find(name, of: body), told.kind == .object { mergeBilled(body, told) }
        }
        guard let choices = JSONScan.find("choices", of: body), choices.kind == .array else { return }
        var cursor = JSONCursor(body, in: choices.value)
        guard (try? cursor.open(.array)) != nil, let first = (try? cursor.nextElement()) ?? nil, first.kind == .object else {
            return
        }
        takeChat(membersOf: first.value, of: body)
        guard let message = JSONScan.find("message", of: body, in: first.value), message.kind == .object else { return }
        takeChat(membersOf: message.value, of: body)
    }

    private mutating func takeChat(membersOf range: Range<Int>, of bytes: UnsafeRawBufferPointer) {
        var cursor = JSONCursor(bytes, in: range)
        guard (try? cursor.open(.object)) != nil else { return }
        while let member = (try? cursor.nextMember()) ?? nil { takeChat(bytes, member) }
    }

    /// Images that a stream has brought whole, and the length of the audio that it was made of.
    struct Media: Sendable {
        var images = 0
        var audioMilliseconds = 0
    }

    /// Takes an event of OpenAI's streams of images and of transcriptions; the parts of an image that come before it are none.
    mutating func takeMedia(_ event: UnsafeRawBufferPointer) {
        let type = EventType(of: event)
        if type.starts("image_"), type.ends(".completed") { media.images &+= 1 }
        guard type.equals("transcript.text.done"), let usage = JSONScan.find("usage", of: event), usage.kind == .object,
            let told = JSONScan.find("seconds", of: event, in: usage.value), told.kind == .number, told.value.count <= 32,
            let seconds = Double(String(decoding: event.slice(told.value), as: UTF8.self)), seconds > 0, seconds < 1e12
        else { return }
        media.audioMilliseconds = Int(seconds * 1000)
    }

    /// What a local server measured, where it reports no usage.
    private struct Local: Sendable {
        var input: Int?
        var output: Int?
        var cached: Int?

        var isKnown: Bool { input != nil || output != nil }
    }

    private mutating func noteLocal(_ bytes: UnsafeRawBufferPointer, _ member: JSONMember) {
        guard let value = Self.count(bytes, member.value) else { return }
        let key = bytes.slice(member.key)
        if key.equals("prompt_eval_count") || key.equals("prompt_n") { local.input = value }
        if key.equals("eval_count") || key.equals("predicted_n") { local.output = value }
        if key.equals("cache_n") { local.cached = value }
    }

    /// More is no count of tokens.
    private static let most = 1 << 48

    /// A number as a count, in whatever way it is written; nil for one that is beyond reason.
    private static func count(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Int? {
        if let number = JSONScan.integer(of: bytes, in: range) { return Swift.min(Swift.max(number, 0), most) }
        guard range.count <= 32, let number = Double(String(decoding: bytes.slice(range), as: UTF8.self)),
            number.magnitude <= Double(most)
        else { return nil }
        return Int(Swift.max(number, 0).rounded(.up))
    }

    private mutating func note(_ told: ReportedCost) {
        cost = told.nanoDollars
        isKnown = true
    }

    private mutating func note(_ key: UnsafeRawBufferPointer, _ value: Int, _ dialect: ClientDialect) {
        switch dialect {
        case .anthropic:
            if key.equals("input_tokens") {
                input = value
            } else if key.equals("output_tokens") {
                (output, isOutputEarly) = (value, false)
            } else if key.equals("cache_read_input_tokens") {
                cacheRead = value
            } else if key.equals("cache_creation_input_tokens") {
                cacheWrite = value
            } else {
                return
            }
        case .openai, .responses:
            if key.equals("prompt_tokens") || key.equals("input_tokens") {
                input = value
            } else if key.equals("completion_tokens") || key.equals("output_tokens") {
                output = value
            } else if key.equals("prompt_cache_hit_tokens") || key.equals("cached_tokens") {
                // DeepSeek; Moonshot.
                cacheReadBeside = value
            } else if key.equals("reasoning_tokens") {
                reasoningBeside = value
            } else if key.equals("total_tokens") {
                total = value
            } else if !key.equals("seconds") {
                // Seconds of audio are told in the place of tokens.
                return
            }
        case .gemini:
            if key.equals("promptTokenCount") {
                input = value
            } else if key.equals("candidatesTokenCount") {
                output = value
            } else if key.equals("cachedContentTokenCount") {
                cacheRead = value
            } else if key.equals("thoughtsTokenCount") {
                reasoning = value
            } else if key.equals("toolUsePromptTokenCount") {
                toolInput = value
            } else if key.equals("totalTokenCount") {
                total = value
            } else {
                return
            }
        }
        isKnown = true
    }

    /// What Cohere bills, or what went through its model where it says nothing of that (docs.cohere.com/reference/rerank, `meta`).
    private mutating func mergeBilled(_ bytes: UnsafeRawBufferPointer, _ member: JSONMember) {
        for name: StaticString in ["billed_units", "tokens"] where !isKnown {
            guard let units = JSONScan.find(name, of: bytes, in: member.value), units.kind == .object else { continue }
            for side: StaticString in ["input_tokens", "output_tokens"] {
                guard let found = JSONScan.find(side, of: bytes, in: units.value), found.kind == .number,
                    let value = Self.count(bytes, found.value)
                else { continue }
                note(bytes.slice(found.key), value, .openai)
            }
        }
    }

    /// The objects inside a usage object that split one of its counts.
    private mutating func mergeDetails(_ bytes: UnsafeRawBufferPointer, _ member: JSONMember) {
        let key = bytes.slice(member.key)
        func count(_ name: StaticString) -> Int? {
            guard let found = JSONScan.find(name, of: bytes, in: member.value), found.kind == .number else { return nil }
            guard let value = Self.count(bytes, found.value) else { return nil }
            isKnown = true
            return value
        }
        if key.equals("prompt_tokens_details") || key.equals("input_tokens_details") {
            if let read = count("cached_tokens") { cacheRead = read }
            if let write = count("cache_write_tokens") ?? count("cache_creation_tokens") ?? count("cached_creation_tokens") {
                cacheWrite = write
            }
        } else if key.equals("completion_tokens_details") || key.equals("output_tokens_details") {
            if let thinking = count("reasoning_tokens") ?? count("thinking_tokens") { reasoning = thinking }
        } else if key.equals("cache_creation") {
            let long = count("ephemeral_1h_input_tokens")
            if let long { cacheWriteHour = long }
            guard cacheWrite == nil else { return }
            let short = count("ephemeral_5m_input_tokens")
            if short != nil || long != nil { cacheWrite = (short ?? 0) &+ (long ?? 0) }
        }
    }

    /// The counts with the vendor's sums undone (conversion.md 5.4); nil when it reported none.
    func usage(_ dialect: ClientDialect) -> TokenUsage? {
        guard isKnown else {
            guard local.isKnown, dialect == .openai else { return nil }
            // `prompt_n` is what was worked through; what was kept from before is beside it.
            return TokenUsage(
                uncachedInput: local.input ?? 0, cacheRead: local.cached ?? 0, output: local.output ?? 0,
                lacks: Self.lacks(local.input, local.output))
        }
        var usage = counts(dialect)
        usage.reportedCost = wholeCost
        return usage
    }

    /// What a request cost in all. With a key of one's own at the provider, OpenRouter's `cost` is its fee, mostly nothing: the
    /// provider takes the rest.
    private var wholeCost: Int? {
        guard let providerCost, isOwnKey ?? ((cost ?? 0) == 0) else { return cost }
        return (cost ?? 0) &+ providerCost
    }

    private static func lacks(_ input: Int?, _ output: Int?) -> TokenUsage.Sides {
        var lacks: TokenUsage.Sides = []
        if input == nil { lacks.insert(.input) }
        if output == nil { lacks.insert(.output) }
        return lacks
    }

    /// Input and output as they are told, or as a sum tells them of which the other is a part. A sum alone stands as input.
    private func sides(beside: Int) -> (input: Int, output: Int, lacks: TokenUsage.Sides) {
        switch (input, output, total) {
        case (nil, nil, let total): return (total ?? 0, 0, [.input, .output])
        case (nil, let output?, let total?) where total >= output &+ beside: return (total &- output &- beside, output, [])
        case (let input?, nil, let total?) where total >= input &+ beside: return (input, total &- input &- beside, [])
        case (let input, let output, _): return (input ?? 0, output ?? 0, Self.lacks(input, output))
        }
    }

    private func counts(_ dialect: ClientDialect) -> TokenUsage {
        let read = cacheRead ?? cacheReadBeside ?? 0
        let write = cacheWrite ?? 0
        let thinking = reasoning ?? reasoningBeside ?? 0
        switch dialect {
        case .anthropic:
            return TokenUsage(
                uncachedInput: input ?? 0, cacheRead: read, cacheWrite: write, output: output ?? 0, reasoning: thinking,
                cacheWriteHour: Swift.min(cacheWriteHour ?? 0, write), lacks: Self.lacks(input, isOutputEarly ? nil : output))
        case .openai, .responses:
            let (prompt, said, lacks) = sides(beside: 0)
            // xAI counts thoughts beside the output: its total has room for them.
            let isBeside = thinking > 0 && total.map { prompt &+ said &+ thinking == $0 } ?? false
            return TokenUsage(
                uncachedInput: Swift.max(0, prompt &- read &- write), cacheRead: read, cacheWrite: write,
                output: isBeside ? said &+ thinking : said, reasoning: thinking, lacks: lacks)
        case .gemini:
            let tools = toolInput ?? 0
            // Numbers that are 0 are left out: of thoughts and no text, the sum tells.
            let (prompt, candidates, lacks) = sides(beside: thinking &+ tools)
            // Some servers count thoughts among the candidates; their total then has no room for them.
            let isInclusive = thinking > 0 && total.map { prompt &+ candidates == $0 } ?? false
            return TokenUsage(
                uncachedInput: Swift.max(0, prompt &- read) &+ tools, cacheRead: read, cacheWrite: 0,
                output: isInclusive ? candidates : candidates &+ thinking, reasoning: thinking, lacks: lacks)
        }
    }
}
