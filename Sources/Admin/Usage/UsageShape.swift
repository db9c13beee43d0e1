import Dialects
import ProxyCore

/// How sums of usage are written.
enum UsageShape {
    /// `{"<model>":{"total","requests"}}`, by name. What was taken over and belongs to no model is in the other sums.
    static func byModel(_ sums: [String: UsageAmounts]) -> JSONValue {
        .ordered(
            sums.filter { !$0.key.isEmpty }.sorted { $0.key < $1.key }.map {
                ($0.key, ["total": .int($0.value.total), "requests": .int($0.value.requests)])
            })
    }

    /// `{"<model, day or hour>":{"input","output","total","requests"}}`, in the order given.
    static func detailed(_ sums: some Sequence<(String, UsageAmounts)>) -> JSONValue {
        .ordered(
            sums.map { name, sum in
                let members: JSONValue = [
                    "input": .int(sum.input), "output": .int(sum.output), "total": .int(sum.total),
                    "requests": .int(sum.requests),
                ]
                return (name, members)
            })
    }
}
