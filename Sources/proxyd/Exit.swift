/// Exit codes, after sysexits.h.
enum Exit {
    /// It was understood, and not done or found wanting.
    static let failure: Int32 = 1
    /// EX_USAGE: the command line says what cannot be.
    static let usage: Int32 = 64
    /// EX_UNAVAILABLE: an address that cannot be bound, a state directory that cannot be used.
    static let unavailable: Int32 = 69
    /// EX_SOFTWARE: something is wrong with the proxyd that was asked.
    static let software: Int32 = 70
    /// EX_CANTCREAT: there is something where something was to be made.
    static let cannotCreate: Int32 = 73
    /// EX_CONFIG of sysexits.h.
    static let configuration: Int32 = 78

    /// All of them, as the manual page tells them.
    static let meanings: [(code: Int32, meaning: String)] = [
        (0, "It was done."),
        (
            failure,
            "It was understood, and not done or found wanting: there is no such key, the admin key is wrong or its role not "
                + "enough, what was asked for is not healthy."
        ),
        (usage, "The command line says what cannot be, or names a file that cannot be read."),
        (unavailable, "Nobody answers at the address; or an address cannot be listened on, a state directory cannot be used."),
        (software, "Something is wrong with the proxyd that was asked: its log says what."),
        (cannotCreate, "A file cannot be made, or something is in its place; nothing is written over."),
        (configuration, "The configuration is wrong; what is wrong was printed with its place."),
    ]
}
