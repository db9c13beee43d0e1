import Dialects
import ProxyCore
import RuleEngine

/// A file on trial, as the API tells of it.
enum CanaryShape {
    static func json(_ trial: Trial, _ zone: ZonedTime) -> JSONValue {
        let figures = trial.figures
        return [
            "generation": .int(trial.snapshot.generation),
            "hash": .string(trial.snapshot.hash),
            "share": .fraction(trial.canary.share),
            "since": .string(zone.iso(trial.startedAt)),
            "until": .string(zone.iso(trial.end)),
            "rollback_if": .string(trial.canary.rollbackIf.source),
            "new": json(figures.new),
            "old": json(figures.old),
        ]
    }

    private static func json(_ figures: RollbackExpression.Figures) -> JSONValue {
        [
            "error_rate": .fraction(figures.errorRate),
            "refusals": .fraction(figures.refusals),
            "cost_per_request": .fraction(figures.costPerRequest),
            "first_byte_ms": .fraction(figures.firstByteMilliseconds),
            "requests": .int(figures.requests),
        ]
    }
}
