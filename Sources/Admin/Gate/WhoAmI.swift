import Dialects

/// `GET /admin/whoami`: who calls, and what this caller may do.
enum WhoAmI {
    static func shape(_ caller: AdminGate.Caller?) -> JSONValue {
        [
            "name": .text(caller?.name), "role": .text(caller?.role.rawValue), "session": .bool(caller?.means == .session),
        ]
    }
}
