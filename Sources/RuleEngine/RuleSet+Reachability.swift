extension RuleSet {
    /// Rules no request can meet, because a rule before them has no condition and matches every model they name.
    ///
    /// `by` is the first such rule. Both are places in the list, from 0. Conservative: a rule that several others cover
    /// only together is not found.
    public func unreachable() -> [(rule: Int, by: Int)] {
        rules.indices.compactMap { later in
            let by = rules.indices.prefix(later).first { earlier in rules[earlier].takesEverything(of: rules[later]) }
            return by.map { (rule: later, by: $0) }
        }
    }
}

extension Rule {
    fileprivate func takesEverything(of later: Rule) -> Bool {
        guard condition?.isAlwaysTrue ?? true, paths.isEmpty else { return false }
        guard !models.isEmpty else { return true }
        let others = later.models.isEmpty || !later.paths.isEmpty ? [Glob("*")] : later.models
        return others.allSatisfy { other in models.contains { $0.covers(other) } }
    }
}
