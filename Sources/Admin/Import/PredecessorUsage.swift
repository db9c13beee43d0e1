import Basics
import Dialects
import ProxyCore

/// What one key of the predecessor used, taken apart into rows whose sums are its figures, to the token.
///
/// It tells a day's input and output, but of a model only their sum, and of an hour only models. Here a row has all of it: what a
/// model used is split as its day is, and what a day has beyond its models, or a model beyond its hours, is a row of its own.
struct PredecessorUsage {
    typealias Amounts = ImportedKey.Amounts

    private(set) var totals = Amounts()
    private(set) var rows: [ImportedKey.Row] = []
    private(set) var notes: [String] = []

    private let usage: JSONObject
    private let name: String
    /// The amounts of all days, by model.
    private var booked: [String: Amounts] = [:]
    private var bookedTotals = Amounts()

    init(_ usage: JSONObject, of name: String) {
        self.usage = usage
        self.name = name
    }

    /// A figure of a model: its tokens, split where the file does.
    private struct Figure {
        var total: Int
        var requests: Int
        var split: (input: Int, output: Int)?

        init(_ value: JSONValue) {
            requests = PredecessorUsage.count(value["requests"])
            if value["input"] != nil || value["output"] != nil {
                let parts = (PredecessorUsage.count(value["input"]), PredecessorUsage.count(value["output"]))
                split = parts
                total = value["total"].map { PredecessorUsage.count($0) } ?? PredecessorUsage.sum(parts.0, parts.1)
            } else {
                total = PredecessorUsage.count(value["total"])
            }
        }
    }

    /// Input, output and requests that are not yet given to anybody.
    private struct Pot {
        var input: Int
        var output: Int
        var requests: Int

        init(_ amounts: Amounts) { (input, output, requests) = (amounts.input, amounts.output, amounts.requests) }

        var isEmpty: Bool { input == 0 && output == 0 && requests == 0 }
        var amounts: Amounts { Amounts(requests: requests, input: input, output: output) }

        /// What the figure takes of it, input and output in the share they have here; false when there was not enough.
        mutating func take(_ figure: Figure) -> (amounts: Amounts, isCovered: Bool) {
            var (wantedInput, wantedOutput) = figure.split ?? share(of: figure.total)
            // A split that does not add up is no split.
            if PredecessorUsage.sum(wantedInput, wantedOutput) != figure.total {
                (wantedInput, wantedOutput) = share(of: figure.total)
            }
            let isCovered = wantedInput <= input && wantedOutput <= output && figure.requests <= requests
            input = max(0, input - wantedInput)
            output = max(0, output - wantedOutput)
            requests = max(0, requests - figure.requests)
            return (Amounts(requests: figure.requests, input: wantedInput, output: wantedOutput), isCovered)
        }

        private func share(of total: Int) -> (Int, Int) {
            let all = Int128(input) + Int128(output)
            guard all > 0 else { return (total, 0) }
            guard Int128(total) <= all else { return (max(0, total - output), min(total, output)) }
            var wanted = Int((Int128(total) * Int128(input) + all / 2) / all)
            wanted = min(max(wanted, total - output), min(total, input))
            return (wanted, total - wanted)
        }
    }

    mutating func read() {
        tellWhatIsNoCount()
        let days = usage["daily"]?.object ?? [:]
        let hours = hoursByDay()
        for member in days.members {
            guard let date = LocalDate(member.key) else {
                notes.append("\(name): '\(TextTable.harmless(member.key))' is no day, and is left out")
                continue
            }
            read(day: member.value, date, hours[date] ?? [])
        }
        // Hours of days that the file does not have.
        for (date, hours) in hours.inKeyOrder() where days[date.description] == nil {
            for hour in hours {
                for model in hour.models.members {
                    let figure = Figure(model.value)
                    let amounts = Amounts(
                        requests: figure.requests, input: figure.split?.input ?? figure.total, output: figure.split?.output ?? 0)
                    add(.hour(date, hour.hour), model.key, amounts)
                }
            }
        }
        totals = Amounts(
            requests: usage["total_requests"].map(Self.count) ?? bookedTotals.requests,
            input: usage["total_input"].map(Self.count) ?? bookedTotals.input,
            output: usage["total_output"].map(Self.count) ?? bookedTotals.output)
        readModels()
    }

    private mutating func read(day: JSONValue, _ date: LocalDate, _ hours: [(hour: Int, models: JSONObject)]) {
        var pot = Pot(
            Amounts(
                requests: Self.count(day["requests"]), input: Self.count(day["input"]), output: Self.count(day["output"])))
        let models = day["by_model"]?.object ?? [:]
        var named: Set<String> = []
        // What says itself what it is made of goes first: the others share what is left.
        let figures = models.members.map { ($0.key, Figure($0.value)) }.sorted { $0.1.split != nil && $1.1.split == nil }
        for (model, figure) in figures where named.insert(model).inserted {
            let (amounts, isCovered) = pot.take(figure)
            if !isCovered { notes.append("\(name), \(date): the models used more than the day; the models' figures stand") }
            var rest = Pot(amounts)
            for hour in hours { take(hour, model, date, &rest) }
            if !rest.isEmpty { add(.day(date), model, rest.amounts) }
        }
        for hour in hours {
            for member in hour.models.members where !named.contains(member.key) { take(hour, member.key, date, &pot) }
        }
        if !pot.isEmpty { add(.day(date), "", pot.amounts) }
    }

    private mutating func take(_ hour: (hour: Int, models: JSONObject), _ model: String, _ date: LocalDate, _ rest: inout Pot) {
        guard let value = hour.models[model] else { return }
        let (amounts, isCovered) = rest.take(Figure(value))
        if !isCovered { notes.append("\(name), \(date): the hours used more than the day; the hours' figures stand") }
        add(.hour(date, hour.hour), model, amounts)
    }

    /// What a model's total has beyond its days, and all totals beyond those.
    private mutating func readModels() {
        var rest = Pot(
            Amounts(
                requests: max(0, totals.requests - bookedTotals.requests), input: max(0, totals.input - bookedTotals.input),
                output: max(0, totals.output - bookedTotals.output)))
        for member in (usage["total_by_model"]?.object ?? [:]).members {
            var figure = Figure(member.value)
            let known = booked[member.key] ?? Amounts()
            figure.total -= Self.sum(known.input, known.output)
            figure.requests -= known.requests
            figure.split = figure.split.map { ($0.input - known.input, $0.output - known.output) }
            if figure.total < 0 || figure.requests < 0 {
                notes.append(
                    "\(name): the days used more of \(TextTable.harmless(member.key)) than its total; the days' figures stand")
            }
            guard figure.total > 0 || figure.requests > 0 else { continue }
            figure.total = max(0, figure.total)
            figure.requests = max(0, figure.requests)
            if let split = figure.split, split.input < 0 || split.output < 0 { figure.split = nil }
            add(.ever, member.key, rest.take(figure).amounts)
        }
        // What neither a day nor a model holds.
        if !rest.isEmpty { add(.ever, "", rest.amounts) }
    }

    private mutating func hoursByDay() -> [LocalDate: [(hour: Int, models: JSONObject)]] {
        var days: [LocalDate: [(hour: Int, models: JSONObject)]] = [:]
        for member in (usage["hourly"]?.object ?? [:]).members {
            let parts = member.key.split(separator: " ")
            guard parts.count == 2, let date = LocalDate(parts[0]), let hour = Int(parts[1].prefix(2)), (0...23).contains(hour)
            else {
                notes.append("\(name): '\(TextTable.harmless(member.key))' is no hour, and is left out")
                continue
            }
            guard let models = member.value["by_model"]?.object else { continue }
            days[date, default: []].append((hour, models))
        }
        return days.mapValues { $0.sorted { $0.hour < $1.hour } }
    }

    private mutating func add(_ when: ImportedKey.When, _ model: String, _ amounts: Amounts) {
        guard amounts != Amounts() else { return }
        rows.append(ImportedKey.Row(when: when, model: model, amounts: amounts))
        booked[model] = Self.sum(booked[model] ?? Amounts(), amounts)
        bookedTotals = Self.sum(bookedTotals, amounts)
    }

    private static func sum(_ a: Amounts, _ b: Amounts) -> Amounts {
        Amounts(requests: sum(a.requests, b.requests), input: sum(a.input, b.input), output: sum(a.output, b.output))
    }

    private static let most = 1 << 60

    private static func sum(_ a: Int, _ b: Int) -> Int { min(a &+ b, most) }

    /// A count, never negative and never so great that sums of it overflow; 0 for what is none.
    private static func count(_ value: JSONValue?) -> Int { value.flatMap(known) ?? 0 }

    /// nil for what is no count. A number may be written as a text.
    private static func known(_ value: JSONValue) -> Int? {
        if value.isNull { return 0 }
        if let int = value.int ?? value.string.flatMap({ Int($0) }) { return int < 0 ? nil : min(int, most) }
        guard let double = PredecessorFile.number(value), double >= 0 else { return nil }
        return double < Double(most) ? Int(double) : most
    }
}

// MARK: What is none

extension PredecessorUsage {
    /// What is counted as nothing is told by its place.
    private mutating func tellWhatIsNoCount() {
        let total = ["total_input", "total_output", "total_requests"]
        let figure = ["total", "input", "output", "requests"]
        tell(.object(usage), total, "its usage")
        for member in members("daily") {
            tell(member.value, ["input", "output", "requests"], member.key)
            tellModels(member.value, member.key)
        }
        for member in members("hourly") { tellModels(member.value, member.key) }
        for member in members("total_by_model") { tell(member.value, figure, "total_by_model, \(member.key)") }
    }

    private mutating func members(_ name: String) -> [JSONObject.Member] {
        guard let value = usage[name], !value.isNull else { return [] }
        guard let object = value.object else {
            notes.append("\(self.name): '\(name)' is no object, and is left out")
            return []
        }
        return object.members
    }

    private mutating func tellModels(_ value: JSONValue, _ place: String) {
        for member in value["by_model"]?.object?.members ?? [] {
            tell(member.value, ["total", "input", "output", "requests"], "\(place), \(member.key)")
        }
    }

    private mutating func tell(_ value: JSONValue, _ counts: [String], _ place: String) {
        let place = TextTable.harmless(place)
        guard let object = value.object else {
            notes.append("\(name): \(place) has no figures, and counts as 0")
            return
        }
        for count in counts {
            guard let value = object[count], Self.known(value) == nil else { continue }
            notes.append("\(name): \(place): '\(count)' is no count, and counts as 0")
        }
    }
}
