/// Something that is wrong, for as long as it holds.
struct Alert: Sendable, Hashable {
    enum Kind: String, Sendable, CaseIterable {
        case budget
        case accountOut = "account_out"
        case upstreamDead = "upstream_dead"
        case quotaRunsOut = "quota_runs_out"
        case configurationRefused = "configuration_refused"
        case storageFailing = "storage_failing"
        case certificateEnds = "certificate_ends"
    }

    enum Severity: String, Sendable { case warning, critical }

    let kind: Kind
    /// Tells it from others of its kind; what is told of it may change, this does not.
    let subject: [String]
    let severity: Severity
    /// What is wrong, and what is told when it is over.
    let text: String
    var ending: String
    let labels: [(name: String, value: String)]

    struct ID: Sendable, Hashable {
        let kind: Kind
        let subject: [String]
    }

    var id: ID { ID(kind: kind, subject: subject) }

    static func == (a: Alert, b: Alert) -> Bool { a.id == b.id && a.severity == b.severity && a.text == b.text }
    func hash(into hasher: inout Hasher) { hasher.combine(id) }
}
