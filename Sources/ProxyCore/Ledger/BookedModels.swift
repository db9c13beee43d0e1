/// Which models each key has used in a day, so that a client that makes names up does not make the store, and what is read from
/// it, grow without end: what is beyond the bound is booked as `other`. Amounts are never lost, and other keys never touched.
struct BookedModels {
    /// Models of one key in one day.
    static let limit = 300
    static let other = "other"

    private var days: [String: Day] = [:]

    private struct Day {
        var number: Int
        var models: Set<String>
    }

    /// The name under which a row is booked; `load` gives the models that the day has already.
    mutating func name(for row: UsageBatch.Row, load: (_ day: Int) throws -> [String]) rethrows -> String {
        let day = row.hour.number / 100
        if days[row.keyID]?.number != day { days[row.keyID] = Day(number: day, models: Set(try load(day))) }
        guard days[row.keyID]?.models.contains(row.model) != true else { return row.model }
        guard let count = days[row.keyID]?.models.count, count < Self.limit else { return Self.other }
        days[row.keyID]?.models.insert(row.model)
        return row.model
    }
}
