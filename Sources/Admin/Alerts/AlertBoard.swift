/// Which alerts hold, and what is to be told of them: each once when it begins, once more when it comes to be critical, once when
/// it is over.
///
/// Pure: what holds goes in with the time, what is to be told comes out.
struct AlertBoard: Sendable {
    struct Entry: Sendable {
        fileprivate(set) var alert: Alert
        /// Seconds since 1970.
        let since: Int
        /// The worst that anybody was told; nil where nobody was, who then hears of no end.
        fileprivate(set) var told: Alert.Severity?
        /// The alert with the labels that were told, whatever it has come to since: by them a receiver finds what is over.
        fileprivate var ending: Alert

        fileprivate var isWorse: Bool { told == nil || told == .warning && alert.severity == .critical }
    }

    /// What is to be told.
    struct Message: Sendable, Hashable {
        enum Change: Sendable, Hashable { case begins, ends }

        let alert: Alert
        let change: Change
        /// Seconds since 1970.
        let at: Int
    }

    /// Whether there is anybody who is told.
    enum Audience: Sendable { case present, absent }

    private var entries: [Alert.ID: Entry] = [:]
    /// What held at the last look and found no room.
    private(set) var untold = 0

    /// Clients can name buckets of budgets: no more than so many alerts hold at once, those that held before go first.
    static let most = 1_000

    /// What holds, the worst first, then the oldest.
    var active: [Entry] {
        entries.values.sorted {
            if $0.alert.severity != $1.alert.severity { return $0.alert.severity == .critical }
            if $0.since != $1.since { return $0.since < $1.since }
            return ($0.alert.kind.rawValue, $0.alert.text) < ($1.alert.kind.rawValue, $1.alert.text)
        }
    }

    /// When an alert began to hold, in seconds since 1970; nil where it does not.
    func since(_ id: Alert.ID) -> Int? { entries[id]?.since }

    /// - Parameters:
    ///   - alerts: all that holds now.
    ///   - now: seconds since 1970.
    ///   - otherEnding: what is told of one that is over in another way than by getting well: its subject is gone.
    mutating func update(
        _ alerts: [Alert], to audience: Audience, now: Int, otherEnding: (Alert.ID) -> String? = { _ in nil }
    ) -> [Message] {
        var messages: [Message] = []
        var held: Set<Alert.ID> = []
        for alert in alerts where entries[alert.id] != nil { held.insert(alert.id) }
        for (id, entry) in entries where !held.contains(id) {
            entries[id] = nil
            guard entry.told != nil, audience == .present else { continue }
            var alert = entry.ending
            alert.ending = otherEnding(id) ?? alert.ending
            messages.append(Message(alert: alert, change: .ends, at: now))
        }
        messages.sort { ($0.alert.kind.rawValue, $0.alert.text) < ($1.alert.kind.rawValue, $1.alert.text) }
        untold = 0
        for alert in alerts {
            if entries[alert.id] == nil {
                guard entries.count < Self.most else {
                    untold += 1
                    continue
                }
                entries[alert.id] = Entry(alert: alert, since: now, ending: alert)
            }
            // What it comes to is shown as it is now.
            entries[alert.id]?.alert = alert
            guard audience == .present, entries[alert.id]?.isWorse == true else { continue }
            entries[alert.id]?.told = alert.severity
            entries[alert.id]?.ending = alert
            messages.append(Message(alert: alert, change: .begins, at: now))
        }
        return messages
    }
}
