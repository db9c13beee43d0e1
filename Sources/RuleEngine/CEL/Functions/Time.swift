import Basics

/// Parts of timestamps and durations.
extension FunctionLibrary {
    static let time: [Function] = [
        part("getFullYear") { $0.date.year },
        part("getMonth") { $0.date.month - 1 },
        part("getDate") { $0.date.day },
        part("getDayOfMonth") { $0.date.day - 1 },
        part("getDayOfWeek") { $0.dayOfWeek },
        part("getDayOfYear") { $0.date.dayOfYear },
        part("getHours", of: 3_600_000_000_000) { $0.hour },
        part("getMinutes", of: 60_000_000_000) { $0.minute },
        part("getSeconds", of: 1_000_000_000) { $0.second },
        Function(
            "getMilliseconds",
            [.member([.timestamp], .int), .member([.timestamp, .string], .int), .member([.duration], .int)],
            .variadic(milliseconds)),
    ]

    /// A part of a timestamp in a time zone, UTC if none is given; of a duration the whole of it in that unit.
    private static func part(
        _ name: String, of unit: Int? = nil, _ value: @escaping @Sendable (CivilTime) -> Int
    ) -> Function {
        var overloads: [Overload] = [.member([.timestamp], .int), .member([.timestamp, .string], .int)]
        if unit != nil { overloads.append(.member([.duration], .int)) }
        return Function(
            name, overloads,
            .overFacts { arguments, facts, frame throws(EvaluationError) in
                switch (arguments.first, arguments.dropFirst().first) {
                case (.timestamp(let time), nil): return .int(value(CivilTime(seconds: time.seconds)))
                case (.timestamp(let time), .string(let zone)):
                    // A zone may have to be looked for in the file system.
                    try frame.charge(32)
                    guard let offset = utcOffset(zone, time, facts.utcOffset) else {
                        throw .failed("time zone '\(zone)' is not known")
                    }
                    return .int(value(CivilTime(seconds: time.seconds, utcOffset: offset)))
                case (.duration(let span), nil):
                    guard let unit else { throw .noOverload(name, arguments) }
                    return .int(span / unit)
                default: throw .noOverload(name, arguments)
                }
            }, isPure: false)
    }

    private static func milliseconds(_ arguments: [CELValue], _ frame: inout Frame) throws(EvaluationError) -> CELValue {
        switch arguments.first {
        case .timestamp(let time): return .int(time.nanoseconds / 1_000_000)
        case .duration(let span): return .int(span / 1_000_000 % 1_000)
        default: throw .noOverload("getMilliseconds", arguments)
        }
    }

    /// Functions that take a time zone.
    static let timeParts = Set(time.map(\.name))

    /// Seconds east of UTC. `UTC`, `+08:00` and `08:00` need no time zone data.
    static func utcOffset(_ zone: String, _ time: Facts.Timestamp, _ known: TimeZoneOffset) -> Int? {
        if zone == "UTC" || zone == "Z" || zone.isEmpty { return 0 }
        let bytes = Array(zone.utf8)
        if bytes[0].isDigit { return TimeText.offset(([ascii("+")] + bytes)[...]) }
        if bytes[0] == ascii("+") || bytes[0] == ascii("-") { return TimeText.offset(bytes[...]) }
        guard let offset = known(zone, time.seconds), (-172_800...172_800).contains(offset) else { return nil }
        return offset
    }
}
