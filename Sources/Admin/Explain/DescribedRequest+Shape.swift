import Dialects
import ProxyCore
import RuleEngine

/// A described request as the answer repeats it: what rules and limits saw. Values of headers and metadata are not among it.
extension DescribedRequest {
    var shape: JSONValue {
        let request = facts.request
        return [
            "model": .string(request.model), "path": .string(request.path), "method": .string(request.method),
            "dialect": .string(request.dialect), "stream": .bool(request.stream), "has_tools": .bool(request.hasTools),
            "has_images": .bool(request.hasImages), "thinking": .bool(request.thinking), "size": .int(request.size),
            "input_tokens": .int(request.inputTokens), "max_tokens": .int(request.maxTokens), "messages": .int(request.messages),
            "session": .string(request.session), "agent": .string(request.agent), "parent_agent": .string(request.parentAgent),
            "client_ip": .string(facts.clientIP),
        ]
    }

    var keyShape: JSONValue {
        let key = facts.key
        return [
            "id": .string(key.id), "name": .string(key.name), "policy": .string(key.policy), "tags": .map(key.tags),
            "tokens_today": .int(key.tokensToday), "requests_today": .int(key.requestsToday),
            "spend_today": .fraction(key.spendToday),
        ]
    }
}
