#if canImport(Glibc)
import Glibc
#endif

/// One connection to PostgreSQL. All calls wait, each for a bounded time; they are for one thread at a time, never for an event loop.
final class PostgresConnection: Sendable {
    private let library: PostgresLibrary
    /// Where the library has the connection: who has this object alone uses it.
    private let address: UInt
    /// Seconds that one statement may take.
    private let patience: Int

    private var connection: PostgresLibrary.Connection? { OpaquePointer(bitPattern: address) }

    /// - Throws: `PostgresFailure`.
    init(to address: PostgresAddress, patience: Int = 30) throws(PostgresFailure) {
        let library = try PostgresLibrary.loaded()
        self.library = library
        self.patience = patience
        let made = Self.withTexts(address.options) { names, values in library.connect(names, values, 1) }
        guard let connection = made else { throw .unreachable("out of memory") }
        self.address = UInt(bitPattern: connection)
        guard library.status(connection) == 0 else {
            throw Self.failure(ofConnecting: Self.text(library.errorMessage(connection)))
        }
        // From here on `deinit` gives it back, also where this throws.
        guard library.setNonblocking(connection, 1) == 0 else { throw .unreachable("its connection cannot be used") }
    }

    deinit { library.finish(connection) }

    /// The address' and its password's words are in none of the library's messages.
    private static func failure(ofConnecting reason: String) -> PostgresFailure {
        if reason.contains("session is read-only") || reason.contains("server is in hot standby mode") { return .readOnly }
        return .unreachable(reason)
    }

    /// What the server says of itself: `server_version`, `server_encoding`, `in_hot_standby`.
    func parameter(_ name: String) -> String { Self.text(name.withCString { library.parameterStatus(connection, $0) }) }

    // MARK: - Statements

    /// - Throws: `PostgresFailure`.
    @discardableResult
    func execute(
        _ sql: String, _ values: [PostgresValue] = [], within seconds: Int? = nil
    ) throws(PostgresFailure) -> PostgresRows {
        let sent = PostgresValue.withPointers(values) { texts, lengths, formats in
            sql.withCString {
                library.sendQueryParams(connection, $0, CInt(clamping: values.count), nil, texts, lengths, formats, 0)
            }
        }
        return try finish(sent, within: seconds ?? patience)
    }

    /// Several statements, separated by semicolons.
    func script(_ sql: String) throws(PostgresFailure) {
        try finish(sql.withCString { library.sendQuery(connection, $0) }, within: patience)
    }

    /// All of `body`, or nothing of it.
    func transaction<Result>(_ body: (PostgresConnection) throws -> Result) throws -> Result {
        try execute("BEGIN")
        do {
            let result = try body(self)
            try execute("COMMIT")
            return result
        } catch {
            // Where the connection is gone, so is the transaction.
            _ = try? execute("ROLLBACK")
            throw error
        }
    }

    @discardableResult
    private func finish(_ sent: CInt, within seconds: Int) throws(PostgresFailure) -> PostgresRows {
        guard sent == 1 else { throw broken() }
        let deadline = Self.now() + seconds * 1_000
        var rows = PostgresRows()
        var failure: PostgresFailure?
        while true {
            try wait(until: deadline)
            guard let result = library.getResult(connection) else { break }
            defer { library.clear(result) }
            switch library.resultStatus(result) {
            case 0, 1: rows.affected = Int(Self.text(library.affected(result))) ?? rows.affected
            case 2: rows = read(result)
            default: failure = failure ?? refusal(result)
            }
        }
        if let failure { throw failure }
        return rows
    }

    private func refusal(_ result: PostgresLibrary.Result) -> PostgresFailure {
        // 'C' is the code, 'M' the message; without a code it is the library's own.
        guard let state = library.resultErrorField(result, 67).map({ String(cString: $0) }) else {
            return .unreachable(Self.text(library.resultErrorMessage(result)))
        }
        let message = library.resultErrorField(result, 77).map { String(cString: $0) } ?? ""
        return state == "25006" ? .readOnly : .refused(state: state, message: PostgresFailure.line(message))
    }

    private func broken() -> PostgresFailure { .unreachable(Self.text(library.errorMessage(connection))) }

    /// Waits until there is a result that can be taken without waiting.
    private func wait(until deadline: Int) throws(PostgresFailure) {
        while true {
            let unsent = library.flush(connection)
            guard unsent >= 0 else { throw broken() }
            if unsent == 0, library.isBusy(connection) == 0 { return }
            let left = deadline - Self.now()
            guard left > 0 else { throw .silent(seconds: patience) }
            try poll(Int16(POLLIN) | (unsent > 0 ? Int16(POLLOUT) : 0), milliseconds: left)
            guard library.consumeInput(connection) == 1 else { throw broken() }
        }
    }

    private func poll(_ events: Int16, milliseconds: Int) throws(PostgresFailure) {
        let socket = library.socket(connection)
        guard socket >= 0 else { throw broken() }
        var waited = pollfd(fd: socket, events: events, revents: 0)
        _ = Glibc.poll(&waited, 1, CInt(clamping: milliseconds))
    }

    /// Milliseconds of a clock that nobody sets.
    static func now() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1_000 + time.tv_nsec / 1_000_000
    }

    // MARK: - Notifications

    /// Waits for one of the channels that were listened to, at most so long; whether one came.
    func waitForNotification(milliseconds: Int) throws(PostgresFailure) -> Bool {
        if takeNotifications() { return true }
        try poll(Int16(POLLIN), milliseconds: milliseconds)
        guard library.consumeInput(connection) == 1 else { throw broken() }
        return takeNotifications()
    }

    private func takeNotifications() -> Bool {
        var isThere = false
        while let notification = library.notifies(connection) {
            library.freeMemory(notification)
            isThere = true
        }
        return isThere
    }

    // MARK: - Values

    private func read(_ result: PostgresLibrary.Result) -> PostgresRows {
        let (count, columns) = (library.rows(result), library.columns(result))
        var rows = PostgresRows()
        rows.rows.reserveCapacity(Int(count))
        for row in 0..<max(count, 0) {
            var values: [String?] = []
            values.reserveCapacity(Int(columns))
            for column in 0..<max(columns, 0) {
                guard library.isNull(result, row, column) == 0, let bytes = library.value(result, row, column) else {
                    values.append(nil)
                    continue
                }
                let length = Int(max(library.length(result, row, column), 0))
                values.append(
                    String(decoding: UnsafeRawBufferPointer(start: bytes, count: length), as: UTF8.self))
            }
            rows.rows.append(values)
        }
        return rows
    }

    private static func text(_ pointer: PostgresLibrary.Text?) -> String {
        PostgresFailure.line(pointer.map { String(cString: $0) } ?? "")
    }

    /// Names and values as the library wants them: each list ends with nothing.
    private static func withTexts<Result>(
        _ options: [(name: String, value: String)],
        _ body: (UnsafePointer<PostgresLibrary.Text?>?, UnsafePointer<PostgresLibrary.Text?>?) -> Result
    ) -> Result {
        let names = options.map { strdup($0.name) } + [nil]
        let values = options.map { strdup($0.value) } + [nil]
        defer { for text in names + values { free(text) } }
        return names.map { $0.map { UnsafePointer($0) } }.withUnsafeBufferPointer { names in
            values.map { $0.map { UnsafePointer($0) } }.withUnsafeBufferPointer { values in
                body(names.baseAddress, values.baseAddress)
            }
        }
    }
}

/// Where the store is, and how it is spoken to.
struct PostgresAddress: Sendable, Hashable {
    /// The address, with the password if it has one.
    var url: Secret
    /// A file of certificates that the server's must come from.
    var ca: String?
    /// The mode of TLS that the address has; nil where it says nothing.
    var sslMode: String?

    /// The options that the library takes. What is before `dbname` holds where the address says nothing else.
    var options: [(name: String, value: String)] {
        var options = [
            ("application_name", "proxyd"), ("connect_timeout", "5"), ("target_session_attrs", "read-write"),
            ("keepalives_idle", "10"), ("keepalives_interval", "5"), ("keepalives_count", "3"),
        ]
        if let ca { options += [("sslmode", sslMode ?? "verify-full"), ("sslrootcert", ca)] }
        options += [("dbname", url.reveal()), ("client_encoding", "UTF8")]
        return options.map { (name: $0.0, value: $0.1) }
    }
}
