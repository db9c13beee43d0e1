/// How hard to think, from one vendor's words to another's (conversion.md 4).
extension ReasoningLevel {
    /// The level a word names; nil for `auto` and what is not known.
    init?(_ word: String) {
        switch word {
        case "none": self = .none
        case "minimal": self = .minimal
        case "low": self = .low
        case "medium": self = .medium
        case "high": self = .high
        case "xhigh": self = .xhigh
        case "max": self = .max
        default: return nil
        }
    }

    var label: String {
        switch self {
        case .none: "none"
        case .minimal: "minimal"
        case .low: "low"
        case .medium: "medium"
        case .high: "high"
        case .xhigh: "xhigh"
        case .max: "max"
        }
    }

    /// The token budget a level stands for; `cap` is what the model can do at most.
    func budget(cap: Int) -> Int {
        switch self {
        case .none: 0
        case .minimal: 512
        case .low: 1_024
        case .medium: 8_192
        case .high: 24_576
        case .xhigh: 32_768
        case .max: cap
        }
    }

    /// The level a token budget stands for.
    static func level(budget: Int) -> ReasoningLevel {
        switch budget {
        case ...0: .none
        case ...512: .minimal
        case ...1_024: .low
        case ...8_192: .medium
        case ...24_576: .high
        default: .xhigh
        }
    }

    /// The nearest lower level that is there; the lowest one for what is under all of them. Nil when there is none at all.
    func degraded(to levels: [ReasoningLevel]) -> ReasoningLevel? {
        levels.filter { $0 <= self }.max() ?? levels.min()
    }
}

extension HubReasoning {
    /// The level that was asked for in words or by a budget; an explicit "off" beats both. Nil when the model decides.
    var wantedLevel: ReasoningLevel? {
        switch mode {
        case .off: ReasoningLevel.none
        case .budget(let tokens): level ?? ReasoningLevel.level(budget: tokens)
        case .unset, .adaptive: level
        }
    }
}
