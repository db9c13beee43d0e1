/// One entry of the ordered list `rules`: what it matches and what happens then.
public struct Rule: Sendable {
    public let name: String
    /// Globs over the model asked for; empty matches every model.
    public let models: [Glob]
    /// Globs over the path; empty matches every path. A request that names no model (`*`) needs no fitting model there.
    public let paths: [PathGlob]
    public let condition: Condition?
    public let action: Action

    public enum Action: Sendable {
        case route([Tier])
        case reject(Rejection)
    }

    public init(name: String, models: [Glob], paths: [PathGlob] = [], condition: Condition?, action: Action) {
        self.name = name
        self.models = models
        self.paths = paths
        self.condition = condition
        self.action = action
    }

    /// nil when no glob fits `model` and `path`; the condition is not asked.
    public func match(_ model: String, path: String) -> Capture? {
        guard !paths.isEmpty else { return match(model) }
        guard paths.contains(where: { $0.matches(path) }) else { return nil }
        return match(model) ?? (model == "*" ? .whole(model) : nil)
    }

    /// nil when no glob fits `model`; the condition is not asked.
    public func match(_ model: String) -> Capture? {
        guard !models.isEmpty else { return .whole(model) }
        for glob in models {
            if let match = glob.match(model) { return match }
        }
        return nil
    }

    /// What the first `*` of the matching glob took (`text`); nil when the glob has none, or the rule names no models.
    public typealias Capture = GlobMatch
}

/// The response of a rule that refuses: an HTTP status (400–599) and a message for the client.
public struct Rejection: Sendable, Hashable {
    public let status: Int
    public let message: String

    public init(status: Int, message: String) {
        self.status = status
        self.message = message
    }
}

/// One step of a fallback chain: a target, or several equals among which `choice` decides.
public struct Tier: Sendable, Hashable {
    /// The target as the operator wrote it (`antigravity/gemini-3-pro-high`); shown in `x-proxyd-tier`.
    public let text: String
    public let targets: [Target]
    public let choice: Choice

    /// Which of several equals a request goes to first.
    public enum Choice: String, Sendable, Hashable, CaseIterable {
        case first
        case weighted
        case leastBusy = "least_busy"
        case fastest
        case cheapest
        case mostQuota = "most_quota"
        case soonestReset = "soonest_reset"
    }

    /// An upstream and the model it is asked for. Numbers left out are the upstream's or the file's.
    public struct Target: Sendable, Hashable {
        public let upstream: String
        /// nil keeps the model asked for; a `*` takes what the rule's glob captured.
        public let model: String?
        public let weight: Int
        /// A share from 0 to 1.
        public let threshold: Double?
        /// Tokens; caps what the client asked for.
        public let maxTokens: Int?

        public init(upstream: String, model: String?, weight: Int = 1, threshold: Double? = nil, maxTokens: Int? = nil) {
            self.upstream = upstream
            self.model = model
            self.weight = weight
            self.threshold = threshold
            self.maxTokens = maxTokens
        }

        /// The model to ask the upstream for.
        public func model(askedFor: String, capture: String?) -> String {
            guard let model else { return askedFor }
            guard let capture, let star = model.firstIndex(of: "*") else { return model }
            return model.replacingCharacter(at: star, with: capture)
        }
    }

    public init(text: String, targets: [Target], choice: Choice = .weighted) {
        self.text = text
        self.targets = targets
        self.choice = choice
    }
}

extension String {
    fileprivate func replacingCharacter(at index: Index, with replacement: String) -> String {
        self[..<index] + replacement + self[self.index(after: index)...]
    }
}
