import RuleEngine

extension Schema {
    enum ReloadKeys {
        static let canary = Key(
            "canary", CanaryKeys.kind, .none("a saved file is in force for everybody at once"),
            "A saved file serves a share of the keys first, then all of them, or is taken back. The running file's counts."
        )
        static let rollbackIf = Key(
            "rollback_if", Kind<RollbackExpression>.rollback,
            .value(
                "\"new.error_rate > 2.0 * old.error_rate + 0.01 || new.refusals > 2.0 * old.refusals + 0.01 || "
                    + "new.cost_per_request > 3.0 * old.cost_per_request + 0.000001 || new.first_byte_ms > 3.0 * old.first_byte_ms + 1000.0\""
            ),
            "When a file on trial is taken back: CEL over `new` and `old`, which have `error_rate` and `refusals` (shares, 0–1), "
                + "`cost_per_request` (USD), `first_byte_ms` (the median) and `requests`. The default allows for chance, and is asked from ten of the new file's "
                + "requests on; one that is written sees the figures as they are, from the first request on."
        )

        static let kind: Kind<Configuration.Reload> = .mapping(Mapping(canary, rollbackIf)) { section in
            var reload = Configuration.Reload()
            reload.canary = section[canary]
            // The default is the trial's own already.
            if section.has(rollbackIf), let expression = section[rollbackIf] { reload.canary?.rollbackIf = expression }
            if section.has(rollbackIf), !section.has(canary), let place = section.place(rollbackIf) {
                section.context.warning(place, "without 'canary' no file is on trial, and none taken back")
            }
            return reload
        }
    }

    enum CanaryKeys {
        static let share = Key(
            "share", .share, .value("5%"),
            "Share of the keys that the new file serves first: at least one key, always the same ones.")
        static let time = Key(
            "for", .duration(.seconds(1)...(.seconds(86_400))), .value("5m"), "How long, before it serves all of them.")
        static let by = Key(
            "by", Kind<Configuration.Canary.Subject>.choice("subject"), .value("key"), "What the share is of: `key`.")

        static let kind: Kind<Configuration.Canary> = .mapping(Mapping(share, time, by)) { section in
            var canary = Configuration.Canary()
            canary.share = section[share, or: canary.share]
            canary.time = section[time, or: canary.time]
            canary.subject = section[by, or: canary.subject]
            if canary.share == 0, let place = section.place(share) {
                section.context.error(place, "is nothing: no key would try a file; without 'canary' there is no trial")
            }
            return canary
        }
    }

    enum ReloadGuardKeys {
        static let maxRemoved = Key(
            "max_removed", .share, .value("100%"),
            "A save that removes more than this share of the running file's upstreams, rules, keys or policies is refused; "
                + "`proxyd reload --force` passes it.")

        static let kind: Kind<Double> = .mapping(Mapping(maxRemoved)) { $0[maxRemoved] }
    }
}

extension Schema.Kind where Value == RollbackExpression {
    static var rollback: Self {
        expression("expression", hidden: "what the reference stands for is no expression that gives true or false") {
            text throws(Condition.Problem) in try RollbackExpression(text)
        }
    }
}
