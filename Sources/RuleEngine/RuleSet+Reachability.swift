extension RuleSet {
    /// Rules no request can meet, because rules before them have no condition and match every model they name, one alone or several
    /// together.
    ///
    /// `by` are the first such rules. All are places in the list, from 0. Conservative: a glob that several others cover only
    /// together is not found.
    public func unreachable() -> [(rule: Int, by: [Int])] {
        rules.indices.compactMap { later in
            let before = rules.indices.prefix(later)
            let asked = rules[later].asked
            if let one = before.first(where: { earlier in asked.allSatisfy { rules[earlier].takesAll(of: $0) } }) {
                return (rule: later, by: [one])
            }
            var takers: Set<Int> = []
            for glob in asked {
                guard let taker = before.first(where: { rules[$0].takesAll(of: glob) }) else { return nil }
                takers.insert(taker)
            }
            return (rule: later, by: takers.sorted())
        }
    }
}

extension Rule {
    /// What it takes, at most.
    fileprivate var asked: [Glob] { models.isEmpty || !paths.isEmpty ? [Glob("*")] : models }

    fileprivate func takesAll(of glob: Glob) -> Bool {
        guard condition?.isAlwaysTrue ?? true, paths.isEmpty else { return false }
        return models.isEmpty || models.contains { $0.covers(glob) }
    }
}
