import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// Keys, usage, records and the audit log of all nodes in a PostgreSQL database. What a node books is in rows of its own: nodes never
/// wait for one another, and what one has booked can be put there anew as a whole. Reports are over the rows of all.
///
/// There is one connection, made when it is needed and made anew where it broke. Whatever fails throws, and nothing of it happened,
/// or all of it: where the journal goes on says which.
final class PostgresStore: Store {
    /// The node whose rows are booked here.
    struct Identity: Sendable, Hashable {
        /// The identity of the state directory, which tells two lives of one node's name apart.
        var state: String
        var node: String
    }

    /// What is known as long as a connection lasts.
    struct Session {
        /// Which rows are this node's; 0 where none are booked.
        var source = 0
        /// The months of requests that have a table.
        var months: Set<Int> = []
        /// The number of the last block of requests.
        var lastBlock = 0
        /// The numbers of places that are known already.
        var places: [PostgresPlace: Int] = [:]
        var models = BookedModels()
    }

    private struct State {
        var connection: PostgresConnection?
        var session = Session()
        var identity: Identity?
        var isClosed = false
    }

    let address: PostgresAddress
    private let patience: Int
    private let state: Mutex<State>

    /// Connects with the first call.
    /// - Parameter identity: nil for one that only reads, and keeps keys.
    init(_ address: PostgresAddress, as identity: Identity?, patience: Int = 30) {
        self.address = address
        self.patience = patience
        state = Mutex(State(identity: identity))
    }

    /// Books under another identity from now on.
    func become(_ identity: Identity) {
        state.withLock { state in
            state.identity = identity
            state.connection = nil
        }
    }

    // MARK: - The connection

    /// Runs `body` on the connection. One that broke while nobody looked is made anew, and `body` begins again: only for what may
    /// happen twice.
    func read<Result: Sendable>(_ body: (PostgresConnection, inout Session) throws -> Result) throws -> Result {
        try state.withLock { state in
            let isOld = state.connection != nil
            do {
                return try Self.run(body, &state, address, patience)
            } catch let failure as PostgresFailure where isOld && failure.endsConnection {
                return try Self.run(body, &state, address, patience)
            }
        }
    }

    /// All of `body`, or nothing of it.
    func write<Result: Sendable>(_ body: (PostgresConnection, inout Session) throws -> Result) throws -> Result {
        try state.withLock { state in
            try Self.run(
                { connection, session in try connection.transaction { try body($0, &session) } }, &state, address, patience)
        }
    }

    private static func run<Result>(
        _ body: (PostgresConnection, inout Session) throws -> Result, _ state: inout State, _ address: PostgresAddress,
        _ patience: Int
    ) throws -> Result {
        guard !state.isClosed else { throw LedgerFailure.closed }
        do {
            let connection = try state.connection ?? connect(&state, address, patience)
            return try body(connection, &state.session)
        } catch let failure as PostgresFailure where failure.endsConnection {
            state.connection = nil
            throw failure
        }
    }

    private static func connect(
        _ state: inout State, _ address: PostgresAddress, _ patience: Int
    ) throws -> PostgresConnection {
        let connection = try PostgresConnection(to: address, patience: patience)
        try prepare(connection, patience)
        try PostgresSchema.bring(connection)
        state.session = Session()
        if let identity = state.identity { try register(identity, &state.session, connection) }
        state.connection = connection
        return connection
    }

    /// What must be so of any connection.
    static func prepare(_ connection: PostgresConnection, _ patience: Int) throws {
        let encoding = connection.parameter("server_encoding")
        guard encoding == "UTF8" else { throw PostgresFailure.encoding(encoding) }
        let version = connection.parameter("server_version")
        guard Int(version.prefix { $0.isNumber }) ?? 0 >= 14 else { throw PostgresFailure.old(version: version) }
        // The server gives up a little before the client does.
        let most = max(patience - 2, 1) * 1_000
        try connection.script(
            """
            SET client_min_messages = error; SET standard_conforming_strings = on; SET statement_timeout = \(most);
            SET lock_timeout = \(most / 2); SET idle_in_transaction_session_timeout = 60000; SET datestyle = ISO;
            SET bytea_output = hex
            """)
        let isReadOnly = try connection.execute(
            "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on'"
        ).first?.flag(0)
        guard isReadOnly == false else { throw PostgresFailure.readOnly }
    }

    /// Finds the rows of the identity, and keeps others from booking there as long as the connection lasts.
    private static func register(_ identity: Identity, _ session: inout Session, _ connection: PostgresConnection) throws {
        let rows = try connection.execute(
            """
            INSERT INTO proxyd_source (state, node) VALUES ($1, $2)
            ON CONFLICT (state) DO UPDATE SET node = excluded.node, seen = now() RETURNING id
            """, [.text(identity.state), .text(identity.node)])
        let source = rows.first?.integer(0) ?? 0
        guard try lock(source, connection) else { throw PostgresFailure.inUse(node: identity.node) }
        session.source = source
        let last = try connection.execute("SELECT max(id) FROM proxyd_request WHERE source = $1", [.number(source)])
        session.lastBlock = last.first?.integer(0) ?? 0
    }

    /// The server takes a moment to notice that a process before has ended. Another cluster's tables may be in another schema.
    private static func lock(_ source: Int, _ connection: PostgresConnection) throws -> Bool {
        for attempt in 0..<10 {
            if attempt > 0 { usleep(100_000) }
            let sql = "SELECT pg_try_advisory_lock('proxyd_source'::regclass::oid::integer, $1)"
            if try connection.execute(sql, [.number(source)]).first?.flag(0) == true { return true }
        }
        return false
    }

    func checkpoint() {
        // What is committed is durable there.
    }

    func close() {
        state.withLock { state in
            state.isClosed = true
            state.connection = nil
        }
    }
}

/// Where usage came about, as rows name it.
struct PostgresPlace: Sendable, Hashable {
    var upstream: String
    var account: String
    var rule: String
    var tags: String
}
