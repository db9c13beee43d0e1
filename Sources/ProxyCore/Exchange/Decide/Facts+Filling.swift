import Dialects
import RuleEngine

/// What the rules see, filled from what is known: the data path and `POST /admin/explain` alike.
extension Facts.Request {
    /// What is found in a body; its model, its stream and its size are read by themselves.
    public mutating func take(_ body: RequestFacts) {
        maxTokens = body.maxTokens
        hasTools = body.hasTools
        hasImages = body.hasImages
        thinking = body.thinking
        messages = body.messages
        inputTokens = body.inputTokens
        metadata = body.metadata
    }

    mutating func take(_ origin: RequestOrigin) {
        session = origin.session
        agent = origin.agent
        parentAgent = origin.parentAgent
    }
}

extension Facts.Key {
    public mutating func take(_ key: ClientKey) {
        id = key.id
        name = key.name
        policy = key.policy
        tags = key.tags
    }

    public mutating func take(_ today: KeyToday) {
        tokensToday = today.tokens
        requestsToday = today.requests
        spendToday = Double(today.nanoDollars) / 1e9
    }
}
