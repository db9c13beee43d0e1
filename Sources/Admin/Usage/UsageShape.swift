import Basics
import Dialects
import ProxyCore

/// How sums of usage are written.
enum UsageShape {
    /// What requests cost, in dollars; null where none of them has a price that is known, but never 0 in silence.
    static func cost(_ sum: UsageAmounts) -> JSONValue {
        sum.unpriced > 0 && sum.costNanoDollars == 0 ? .null : .dollars(sum.costNanoDollars)
    }

    /// `{"<model>":{"total","requests","cost_usd"}}`, by name. What was taken over and belongs to no model is in the other sums.
    static func byModel(_ sums: [String: UsageAmounts]) -> JSONValue {
        .ordered(
            sums.filter { !$0.key.isEmpty }.inKeyOrder().map {
                (
                    $0.key,
                    [
                        "total": .int($0.value.total), "requests": .int($0.value.requests),
                        "cost_usd": cost($0.value),
                    ]
                )
            })
    }

    /// `{"<day or hour>":{"input","output","total","requests","cost_usd","by_model"}}`, in the order given.
    static func periods<Period: CustomStringConvertible>(_ periods: [PeriodUsage<Period>]) -> JSONValue {
        .ordered(
            periods.map { ($0.period.description, detailed($0.amounts).adding(["by_model": byModel($0.byModel)])) })
    }

    /// `{"input","output","total","requests","cost_usd"}`.
    static func detailed(_ sum: UsageAmounts) -> JSONValue {
        [
            "input": .int(sum.input), "output": .int(sum.output), "total": .int(sum.total), "requests": .int(sum.requests),
            "cost_usd": cost(sum),
        ]
    }
}
