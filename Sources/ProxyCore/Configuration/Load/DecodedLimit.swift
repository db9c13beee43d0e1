import RuleEngine

/// An entry of `usage_limits` as the file has it.
struct DecodedLimit: Sendable {
    var name: Located<String>
    var per: Located<BucketExpression>
    var condition: Located<Condition>?
    var conditionNode: YAMLNode?
    var numbers: LimitNumbers
    /// Empty: it refuses.
    var tiers: [DecodedTier]
    /// Changes when anything in the entry does.
    var place: Located<Void>

    init?(_ section: Schema.Section) {
        typealias Keys = Schema.UsageLimitKeys
        let name = section[Keys.name]
        let per = section[Keys.per]
        condition = section[Keys.when]
        conditionNode = section.node(Keys.when)
        tiers = section[Keys.onExhausted] ?? []
        numbers = Schema.RateKeys.numbers(section)
        place = Located(value: (), location: section.location, path: section.path)
        // A number that could not be read has its own error.
        let counted = Schema.RateKeys.all.filter { $0.name != "count_cached" && $0.name != "reserve" }
        if !counted.contains(where: { section.has($0) || section.isMisnamed($0) }) {
            section.context.error(place, "limits nothing: write a number, such as tokens_per_day or budget_per_month")
        }
        if let name, let problem = Self.problem(with: name.value) { section.context.error(name, problem) }
        guard let name, let per else { return nil }
        (self.name, self.per) = (name, per)
    }

    /// It stands in heads, paths and log lines.
    private static func problem(with name: String) -> String? {
        if name.isEmpty || name.utf8.count > 128 { return "a limit's name has 1 to 128 bytes" }
        let isVisible = name.unicodeScalars.allSatisfy {
            $0.value >= 0x20 && $0.value != 0x7F && !(0x80..<0xA0).contains($0.value)
        }
        return isVisible && name.first != " " && name.last != " "
            ? nil : "a limit's name is visible text without blanks around it"
    }
}
