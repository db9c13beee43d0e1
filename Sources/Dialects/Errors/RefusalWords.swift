import Basics

/// What a refusal is about, and so all that it takes out (config.md, "Tiers, quota and fallback").
public enum RefusalSubject: String, Sendable, Hashable, CaseIterable {
    /// The key or its owner: revoked, disabled, suspended, barred from here. No other request would fare better.
    case credential
    /// The account has no money left. Nothing is out of order.
    case money
    /// A quota or a rate in the words of a refusal: it passes, and says nothing of the key.
    case limit
    /// This account may not have this model.
    case model
    /// A scope, a path, a header, a size: this request alone.
    case request
    /// What the request says was flagged: this request alone, and no other account is asked to take it.
    case content
}

/// Vendors' own words for what they refuse, as their documentation and their users' reports have them. Data; lower case.
enum RefusalWords {
    /// The first row that a response's words have decides: what is narrow comes before what is wide.
    static let rows: [(subject: RefusalSubject, words: [StaticString])] = [
        (.money, plainMoney), (.credential, closed), (.content, content), (.request, request), (.limit, quota), (.model, model),
        (.money, money),
        (.credential, credential),
    ]

    /// An account that was closed is closed, also where its vendor says that it was for what it wrote.
    static let closed: [StaticString] = [
        "account has been", "account was", "account is suspended", "organization has been", "account_deactivated",
        "consumer_suspended",
    ]

    static let content: [StaticString] = [
        // OpenRouter, OpenAI
        "input was flagged", "flagged_input", "requires moderation", "prompt was flagged", "request was flagged",
        // xAI
        "violates usage guidelines", "safety_check_type", "content violates", "failed check:",
        // OpenAI, Azure, Anthropic
        "content_policy_violation", "content policy", "content_filter", "content filter", "content filtering policy",
        // OpenAI's compatible
        "prompt has been flagged", "input has been flagged", "content has been flagged", "request has been flagged",
        "content was flagged", "message was flagged", "blocked due to safety",
        // Azure, OpenAI
        "responsibleaipolicyviolation", "usage policy", "usage policies", "cyber_policy",
        // DeepSeek, Kimi, Qwen
        "content exists risk", "considered high risk", "inappropriate content", "datainspectionfailed",
        // Qwen, Gemini, OpenAI
        "data_inspection_failed", "prohibited_content", "blocked by safety", "moderation_blocked", "safety system",
        // MiniMax, Volcengine, Groq, Bedrock
        "sensitive content", "sensitivecontentdetected", "unsafe content", "guardrail",
    ]

    static let request: [StaticString] = [
        // OpenAI, Google
        "missing scopes", "insufficient permissions for this operation", "insufficient authentication scopes",
        // Google, OAuth, Azure
        "access_token_scope_insufficient", "insufficient_scope", "required scope", "lacks the required data action",
        // Google, Anthropic
        "api keys are not supported by this api", "oauth authentication is currently not supported",
        // Anthropic, OAuth
        "scope requirement", "missing scope", "missing the scope", "insufficient scope", "scope required",
        // Cohere, Fireworks, gateways
        "missing required permission", "missing permission", "access to /v1/", "denied for /v1/", "access to /v1beta/",
        // OpenAI
        "openai-organization header", "openai-project header", "mismatched_organization", "mismatched_project",
        // OpenAI
        "no such organization", "invalid_organization", "no such project",
        // Gemini
        "permission to access the file", "permission to access the cachedcontent", "cachedcontent not found",
        // Copilot, Bedrock
        "access to this endpoint", "not allowed to access this endpoint", "this endpoint is not", "not authorized to perform",
        // OpenRouter
        "fewer max_tokens", "to run this request", "prompt tokens limit exceeded",
        // Together
        "must be less than", "context length",
        // Anthropic, OpenAI
        "admin api", "admin key",
    ]

    static let model: [StaticString] = [
        // OpenAI: a key that may not generate
        "missing scopes: model.request",
        "access to model", "access to the model", "access to this model", "access the model", "access model", "access this model",
        // OpenAI, Qwen, Groq
        "model_not_found", "model_not_allowed", "model_access_denied", "model.accessdenied", "model_permission_blocked",
        "use this model", "use the model", "use model", "for this model", "for the model", "to the model", "tuned model",
        // SiliconFlow
        "this model is not", "model is not available", "model not available", "model disabled", "model is disabled",
        // Groq
        "model is blocked", "is blocked at the organization level", "is blocked at the project level", "model_terms_required",
        // GitHub
        "model not found", "model does not exist", "unknown_model", "unsupported model", "no access to model",
        // Volcengine, Bedrock, Qwen, Vertex
        "modelnotopen", "model not exist", "model access is denied", "accessdenied.unpurchased", "publisher model",
        // Qwen
        "freetieronly", "free tier of the model",
        // xAI, Hugging Face
        "not allowed to sample from this model", "is gated",
    ]

    /// A quota that is used up says nothing of the key that it was used with.
    static let quota: [StaticString] = [
        // Google, Azure
        "quota exceeded", "exceeded quota", "exceeded your quota", "exceeded your current quota", "quotaexceeded",
        "quota has been exceeded",
        // Azure's API Management
        "call volume quota", "quota will be replenished",
        // Gemini, gateways
        "exhausted your capacity", "quota will reset", "quota is exhausted", "quota exhausted", "quota has been exhausted",
        "exhausted your quota", "out of quota", "quota is used up", "resource exhausted", "resource_exhausted",
        "resource has been exhausted",
        // Kong, GitHub, Google
        "rate limit exceeded", "rate limit is exceeded", "exceeded rate limit", "exceeded your rate limit", "rate limit reached",
        "ratelimitexceeded", "rate_limit_exceeded", "rate_limit_error", "secondary rate limit",
    ]

    static let money: [StaticString] = [
        // Anthropic, OpenAI
        "credit balance is too low", "specified api usage limits", "specified workspace api usage limits",
        "insufficient_quota", "credit_balance_exhausted", "billing_hard_limit_reached",
        // OpenAI
        "billing hard limit", "billing_not_active", "billing_error", "check your billing details", "monthly spend limit",
        // DeepSeek, Kimi, SiliconFlow
        "insufficient balance", "insufficient_balance", "balance is insufficient", "balance insufficient",
        "insufficient credit", "insufficient_credits", "insufficient funds", "insufficient account balance", "not enough credit",
        // OpenRouter, xAI
        "requires more credits", "out of credits", "no credits", "any credits", "used all available credits",
        // xAI, OpenRouter, Hugging Face, Together
        "spending limit", "key limit exceeded", "monthly included credits", "credit limit exceeded",
        // Qwen, Zhipu, Volcengine, Fireworks, Kimi
        "arrearage", "in arrears", "overdue", "past invoices", "good standing", "recharge",
        // Vercel, Google
        "credit card", "payment required", "payment method", "requires billing", "billing_disabled", "billing is disabled",
        "unpaid",
    ]

    static let credential: [StaticString] = [
        "api key not valid", "api_key_invalid", "invalid_api_key", "incorrect api key", "invalid api key", "invalid x-api-key",
        "authentication_error", "api key expired", "api key has expired", "api_key_expired", "key is expired",
        // Gemini, OpenAI
        "revoked", "reported as leaked", "leaked", "compromised", "deactivated", "account_deactivated",
        "key is disabled", "key has been disabled", "key disabled", "key is blocked", "key is currently blocked",
        "key is inactive",
        // Anthropic, Groq
        "organization has been disabled", "organization is disabled", "organization has been", "organization_restricted",
        "account has been", "account is disabled", "account is suspended", "account suspended", "account is not active",
        "account is inactive", "account is locked", "account disabled", "account is blocked", "account banned", "user is banned",
        // Google
        "suspended", "consumer_suspended", "consumer_invalid", "user_project_denied", "project has been denied",
        "project has been", "project is disabled", "subscription is disabled", "subscription has been", "inactive subscription",
        // xAI, Anthropic
        "team is blocked", "team has been", "workspace is disabled", "workspace has been",
        // Google
        "service_disabled", "has not been used in project", "api_key_service_blocked", "api_key_ip_address_blocked",
        "api_key_http_referrer_blocked", "api_key_android_app_blocked", "api_key_ios_app_blocked", "ip address restriction",
        "ip address is not", "ip_not_authorized", "ip not allowed", "not in the whitelist", "not in whitelist", "ip whitelist",
        // OpenAI, Gemini
        "unsupported_country_region_territory", "region, or territory", "location is not supported",
        "virtual network/firewall rules", "virtual network is configured", "disabled in this account",
        // Azure
        "public access is disabled", "authenticationtypedisabled",
        // Azure, Groq
        "key based authentication is disabled", "invalid subscription key", "check your network settings",
        "real-name", "identity verification",
    ]

    /// A limit that this request alone is too large for, whenever it is asked.
    static let size: [StaticString] = [
        // OpenAI, Groq
        "request too large for", "tokens must be reduced",
        // Anthropic
        "required for long context", "long context beta",
    ]

    /// Words that would hold an account, its owner or its money responsible.
    static let blamingAccount = [plainMoney, closed, quota, money, credential, plainCredential].flatMap { $0 }

    /// The words among them that hold whatever the status is: some call a wrong key, or an empty balance, a bad request.
    static let plainMoney: [StaticString] = [
        "specified api usage limits", "specified workspace api usage limits",
        "credit balance is too low", "insufficient_quota", "credit_balance_exhausted", "billing_hard_limit_reached",
        "exceeded_current_quota_error", "billing hard limit", "billing_not_active", "insufficient balance",
        "insufficient_balance", "balance is insufficient",
        "arrearage", "in arrears", "insufficient credits", "used all available credits", "monthly spending limit",
        "monthly spending cap",
        "exhausted balance", "balance is exhausted", "balance exhausted", "balance is depleted", "credits are depleted",
        "credits have been depleted", "top up your",
        // In whatever words a balance is empty
        "balance is too low", "balance too low", "insufficient account balance", "insufficient credit balance",
        "balance is not sufficient", "balance is not enough", "not enough balance", "no balance left", "no balance remaining",
        "negative balance", "overdue balance", "balance is negative", "balance is zero", "balance is empty", "balance is used up",
        "balance has been used up", "balance has run out", "balance has been exhausted", "insufficient funds",
        "out of credits", "no credits left", "no credits remaining", "credits are exhausted", "credits have been exhausted",
    ]
    static let plainCredential: [StaticString] = [
        "api key not valid", "api_key_invalid", "invalid_api_key", "incorrect api key provided", "api key expired",
        "organization has been disabled", "organization_restricted", "account_deactivated", "reported as leaked",
    ]

    /// How sentences begin that vendors say of an account: no client's words stand before them.
    private static let openings: [StaticString] = [
        // Anthropic
        "your credit balance is too low", "you have reached your specified api usage limits",
        "you have reached your specified workspace api usage limits",
        "this organization has been", "your organization has been",
        // OpenAI
        "billing hard limit has been reached", "your account is not active", "your account has been",
        "incorrect api key provided",
        // OpenAI, Gemini, Kimi
        "you exceeded your current", "you have exceeded your current", "you've exceeded your current",
        // Gemini
        "your prepayment credits are depleted", "your project has exceeded its", "resource has been exhausted",
        "you have exhausted your capacity", "api key not valid", "api key expired", "your api key was reported as leaked",
        // Google, Azure, gateways
        "quota exceeded for quota", "quota exceeded for your", "quota exceeded for this", "out of call volume quota",
        "rate limit is exceeded", "rate limit reached for", "your quota has been", "your api key has been",
        "your api key has expired",
        // Kimi, Qwen, xAI
        "your account has insufficient", "your account balance is", "your account is suspended", "the account balance is",
        "access denied, please make sure your account is in good standing", "you have run out of credits",
        "you have insufficient", "your team has either used", "your team has used all", "your project has been",
    ]

    /// Whether a message is nothing but what vendors say of an account, or begins with such a sentence and holds no name of what is
    /// wrong: that stands before a colon.
    static func opens(_ message: String) -> Bool {
        var text = message.utf8.prefix(longestOpening).map(ASCII.lowercased)[...]
        while let first = text.first, first <= 0x20 { text.removeFirst() }
        while let last = text.last, last <= 0x20 || last == 0x2E || last == 0x21 { text.removeLast() }
        let ends = text.indices.lazy.filter { text[$0] == 0x3A }.map { $0 + 1 }
        guard !ends.contains(where: { $0 == text.endIndex || text[$0] <= 0x20 }) else { return false }
        let isWhole = blamingAccount.contains { phrase in
            phrase.utf8CodeUnitCount == text.count
                && phrase.withUTF8Buffer { $0.contains(0x20) && text.starts(with: $0) }
        }
        if isWhole { return true }
        // Some say whose account it is in the midst of the sentence.
        let plain = Array(text.split(separator: 0x20).filter { !isID($0) }.joined(separator: [0x20]))
        return openings.contains { phrase in
            let count = phrase.utf8CodeUnitCount
            return phrase.withUTF8Buffer { plain.starts(with: $0) } && (count == plain.count || !isLetter(plain[count]))
        }
    }

    /// Whether a word is no word of a sentence: it has a digit in it, or what joins the parts of names.
    private static func isID(_ word: ArraySlice<UInt8>) -> Bool {
        word.contains { (0x30...0x39).contains($0) || $0 == 0x2D || $0 == 0x5F || $0 == 0x3C }
    }

    /// Bytes of a message that are looked at.
    private static let longestOpening = 4_096

    private static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 || byte >= 0x80 }

    /// What a 403 is about by its words alone, where it is put in no sentence that is known. What speaks of an owner's or
    /// a key's own state is theirs, whatever else it speaks of.
    private static func loosely(_ own: VendorWords) -> RefusalSubject? {
        guard !own.says(state, about: .request) else { return nil }
        let subject = looseRows.first { own.speaks(of: $0.words) }?.subject
        return subject == .content && own.speaks(of: owners) ? nil : subject
    }

    private static let looseRows: [(subject: RefusalSubject, words: [StaticString])] = [
        (.content, ["flagged", "moderation", "moderated", "harmful"]), (.request, ["scope", "scopes"]),
        (.model, ["model", "models"]),
        (.request, ["endpoint", "endpoints", "path", "paths", "route", "routes"]),
    ]

    private static let owners: [StaticString] = [
        "account", "key", "token", "credential", "organization", "organisation", "user", "project", "workspace", "team",
        "subscription",
    ]

    private static let state: [StaticString] = [
        "billing", "payment", "invoice", "suspended", "terminated", "deactivated", "banned", "expired", "revoked",
        "valid api key",
        "valid key", "valid token", "valid credential", "valid authentication", "authorized for use with",
    ]

    /// What an error is about; nil where that cannot be told.
    static func subject(status: Int, _ own: VendorWords) -> RefusalSubject? {
        switch status {
        case 401, 403:
            let found = rows.first { own.says($0.words, about: $0.subject) }?.subject
            // A key that may do nothing but generate, or all but that, says so by its scope.
            if found == .request, own.says(["missing scopes: model.request"], about: .model) { return .model }
            if status == 401 { return found == .content ? .credential : found ?? .credential }
            if let found { return found }
            let isLimit = own.speaksOfExhaustion && !own.says(state, about: .request)
            return isLimit ? .limit : loosely(own)
        case 402:
            // Some ask for more than is left, by the most that a request may use: a smaller one is served.
            let isRequest = own.says(
                ["fewer max_tokens", "to run this request", "prompt tokens limit exceeded"], about: .request)
            return isRequest && !own.says(["can only afford 0"], about: .request) ? .request : .money
        case 400..<500:
            let trust = trust(in: status)
            if status != 429, own.says(content, about: .content) { return .content }
            if own.says(plainMoney, about: .money, trust) { return .money }
            if own.says(size, about: .request) { return .request }
            return status != 429 && own.says(plainCredential, about: .credential, trust) ? .credential : nil
        // Some call an empty balance a fault of their own.
        case 500..<600: return own.says(plainMoney, about: .money, .sentences) ? .money : nil
        default: return nil
        }
    }

    /// What a refusal's message is good for: one about the request repeats the request.
    private static func trust(in status: Int) -> VendorWords.Trust {
        switch status {
        case 404, 405, 409, 413, 422: .names
        case 429: .everything
        default: .sentences
        }
    }
}

/// An error in the vendor's own words: what it quotes may be the client's, who must not be able to put words into its mouth.
struct VendorWords {
    /// The message without what is between quotes.
    private let plain: [UInt8]
    /// The same without all that is between the first quote and the last: a name may have quotes in it.
    private let careful: [UInt8]
    /// Type, code and reason: a vendor's own names for its errors.
    private let names: [UInt8]
    private let client: ClientWords

    init(message: String?, _ rest: [String?], client: ClientWords = .none) {
        let text = (message ?? "").utf8
        let message = Array(text.prefix(Self.longest))
        names = rest.reduce(into: []) { names, text in
            guard let text else { return }
            names.append(UInt8(ascii: " "))
            names += text.utf8.prefix(256)
        }
        self.client = client
        let marks = message.indices.filter { Self.isQuote(message, at: $0) }
        plain = Self.unquoted(message, marks)
        guard let first = marks.first, let last = marks.last else {
            careful = message
            return
        }
        // A quote that is not closed, or not within what is looked at, is quoted to the end.
        let isOpen = first == last || text.count > Self.longest
        careful = Array(message[..<first]) + (isOpen ? [] : Array(message[last...]))
    }

    /// Bytes of a message that are looked at.
    private static let longest = 4_096

    /// Where phrases are believed.
    enum Trust {
        case everything
        /// In the message only phrases of several words are: a single one may be a name that the client chose.
        case sentences
        /// Only those in type, code and reason are.
        case names
    }

    /// Whether one of the phrases, in lower case, is there. What would hurt others is looked for with care.
    func says(_ phrases: [StaticString], about subject: RefusalSubject, _ trust: Trust = .everything) -> Bool {
        let message =
            switch subject {
            case .credential, .money, .limit: careful
            case .model, .request, .content: plain
            }
        return phrases.contains { phrase in
            if names.withUnsafeBytes({ ByteSearch.contains(phrase, in: $0) }) { return true }
            switch trust {
            case .names: return false
            case .sentences: guard phrase.description.utf8.contains(UInt8(ascii: " ")) else { return false }
            case .everything: break
            }
            return message.withUnsafeBytes { ByteSearch.contains(phrase, in: $0) } && !client.hold(phrase)
        }
    }

    /// Whether one of the words, in lower case, stands there by itself.
    func speaks(of words: [StaticString]) -> Bool {
        [names, plain].contains { text in
            text.split { !Self.isWord($0) }.contains { word in
                words.contains { known in
                    known.utf8CodeUnitCount == word.count
                        && word.withUnsafeBytes { ByteSearch.contains(known, in: $0) } && !client.hold(known)
                }
            }
        }
    }

    /// A body's words without the message's quotes speak of exhaustion.
    var speaksOfExhaustion: Bool { says(UpstreamError.exhaustion, about: .money) }

    private static func unquoted(_ text: [UInt8], _ marks: [Int]) -> [UInt8] {
        var out: [UInt8] = []
        var index = 0
        var mark = 0
        while mark < marks.count {
            let start = marks[mark]
            guard let end = marks[(mark + 1)...].first(where: { text[$0] == text[start] }) else { break }
            out += text[index..<start]
            out.append(UInt8(ascii: " "))
            index = end + 1
            while mark < marks.count, marks[mark] <= end { mark += 1 }
        }
        return out + text[index...]
    }

    /// An apostrophe within a word is none.
    private static func isQuote(_ text: [UInt8], at index: Int) -> Bool {
        switch text[index] {
        case UInt8(ascii: "\""), UInt8(ascii: "`"): return true
        case UInt8(ascii: "'"):
            let isAfterWord = index > 0 && isWord(text[index - 1])
            let isBeforeWord = index + 1 < text.count && isWord(text[index + 1])
            return !(isAfterWord && isBeforeWord)
        default: return false
        }
    }

    private static func isWord(_ byte: UInt8) -> Bool { ASCII.isAlphanumeric(byte) || byte >= 0x80 }
}
