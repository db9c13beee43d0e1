import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// Opens connections, and finds the server that is the master.
struct RedisDial: Sendable {
    let eventLoop: any EventLoop
    let authorities: TrustedAuthorities?
    /// What the server lists the connection as.
    let clientName: String
    var connectTimeout = TimeAmount.seconds(2)
    var replyTimeout = TimeAmount.seconds(1)

    /// What is called for as long as a connection lives.
    struct Events: Sendable {
        var onPush: @Sendable ([RESPValue]) -> Void = { _ in }
        var onEnd: @Sendable (LimitServerTrouble) -> Void = { _ in }
    }

    /// What a server says of itself.
    struct Greeting: Sendable {
        enum Mode: Sendable { case standalone, sentinel, cluster }

        var mode: Mode
        var isMaster: Bool
        var version: String
    }

    /// A connection that has shown its password.
    func open(_ address: LimitServerAddress, _ events: Events) async throws(LimitServerTrouble) -> (RedisConnection, Greeting) {
        let connection = try await connect(address, events)
        do throws(LimitServerTrouble) {
            let greeting = try await greet(connection, address)
            return (connection, greeting)
        } catch {
            connection.close()
            throw error
        }
    }

    // MARK: Sockets

    private func connect(_ address: LimitServerAddress, _ events: Events) async throws(LimitServerTrouble) -> RedisConnection {
        let ended = Ended()
        do {
            let tls = try context(address)
            let bootstrap = ClientBootstrap(group: eventLoop)
                .connectTimeout(connectTimeout)
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .channelInitializer { [replyTimeout] channel in
                    channel.eventLoop.makeCompletedFuture {
                        if let tls {
                            let handler = try NIOSSLClientHandler(context: tls.context, serverHostname: tls.name)
                            try channel.pipeline.syncOperations.addHandler(handler)
                        }
                        try channel.pipeline.syncOperations.addHandler(
                            RedisHandler(
                                timeout: replyTimeout, onPush: events.onPush,
                                onEnd: { trouble in
                                    ended.note(trouble)
                                    events.onEnd(trouble)
                                }))
                    }
                }
            let channel = try await Self.dial(bootstrap, address)
            return try await channel.eventLoop.submit {
                // Where TLS has failed meanwhile, it is gone.
                guard let handler = try? channel.pipeline.syncOperations.handler(type: RedisHandler.self) else {
                    throw ended.trouble
                }
                return RedisConnection(
                    eventLoop: channel.eventLoop, handler: NIOLoopBound(handler, eventLoop: channel.eventLoop))
            }.get()
        } catch {
            throw Self.trouble(of: error)
        }
    }

    /// Why a connection ended before anybody could ask it.
    private final class Ended: Sendable {
        private let told = Mutex(LimitServerTrouble.closed)

        var trouble: LimitServerTrouble { told.withLock { $0 } }

        func note(_ trouble: LimitServerTrouble) { told.withLock { if $0 == .closed { $0 = trouble } } }
    }

    private static func dial(_ bootstrap: ClientBootstrap, _ address: LimitServerAddress) async throws -> any Channel {
        switch address.place {
        case .unix(let path): return try await bootstrap.connect(unixDomainSocketPath: path).get()
        case .tcp(let host, let port), .tls(let host, let port):
            if let address = try? SocketAddress(ipAddress: host, port: port) {
                return try await bootstrap.connect(to: address).get()
            }
            return try await bootstrap.connect(host: host, port: port).get()
        }
    }

    private func context(_ address: LimitServerAddress) throws -> (context: NIOSSLContext, name: String?)? {
        guard case .tls(let host, _) = address.place else { return nil }
        var configuration = TLSConfiguration.makeClientConfiguration()
        TLSContexts.restrict(&configuration)
        configuration.applicationProtocols = []
        if let authorities { configuration.trustRoots = .certificates(authorities.certificates) }
        return (try NIOSSLContext(configuration: configuration), AddressRange.Address(host) == nil ? host : nil)
    }

    static func trouble(of error: any Error) -> LimitServerTrouble {
        switch error {
        case let error as LimitServerTrouble: error
        case let error as IOError: .unreachable(String(cString: strerror(error.errnoCode)))
        case let error as NIOConnectionError:
            error.connectionErrors.last.map { trouble(of: $0.error) } ?? .unreachable("there is no address of the host")
        case ChannelError.connectTimeout: .unreachable("it does not take the connection in time")
        case NIOSSLError.handshakeFailed(.sslError(let stack)) where stack.contains { $0.description.contains("VERIFY_FAILED") }:
            .tls(notTrusted)
        case NIOSSLError.unableToValidateCertificate: .tls(notTrusted)
        case is NIOSSLExtraError: .tls("its certificate is another host's")
        case is NIOSSLError, is BoringSSLError: .tls("the handshake failed; does the port speak TLS?")
        default: .unreachable("the connection failed")
        }
    }

    private static let notTrusted = "its certificate is not trusted: no authority that is known vouches for it, or it has expired"

    // MARK: Handshake

    private func greet(
        _ connection: RedisConnection, _ address: LimitServerAddress
    ) async throws(LimitServerTrouble) -> Greeting {
        var hello = ["HELLO", "3"]
        if let password = address.password { hello += ["AUTH", address.user ?? "default", password.reveal()] }
        hello += ["SETNAME", clientName]
        let reply = try await ask(connection, hello)
        let version = LimitServerTrouble.bounded((reply["version"]?.text ?? "?")[...])
        guard let major = Int(version.prefix { $0 != "." }) else { throw .protocolError }
        guard major >= 6 else { throw .tooOld(version) }
        let mode: Greeting.Mode =
            switch reply["mode"]?.text {
            case "sentinel": .sentinel
            case "cluster": .cluster
            default: .standalone
            }
        let greeting = Greeting(mode: mode, isMaster: reply["role"]?.text == "master", version: version)
        if mode == .standalone, address.database != 0 { _ = try await ask(connection, ["SELECT", "\(address.database)"]) }
        return greeting
    }

    private func ask(_ connection: RedisConnection, _ words: [String]) async throws(LimitServerTrouble) -> RESPValue {
        let words = words.map { Array($0.utf8) }
        let result: Result<RESPValue, LimitServerFailure> = await withCheckedContinuation { continuation in
            connection.send(words) { continuation.resume(returning: $0) }
        }
        switch result {
        case .success(let value): return value
        case .failure(.away(let trouble)), .failure(.lost(let trouble)): throw trouble
        case .failure(.full): throw .timedOut
        case .failure(.refused(let refusal)):
            if refusal.hasPrefix("NOAUTH") { throw .passwordNeeded }
            if let trouble = LimitServerTrouble(refusal: refusal) { throw trouble }
            if refusal.contains("unknown command") || refusal.hasPrefix("NOPROTO") { throw .tooOld("before 6") }
            throw .refused(LimitServerTrouble.bounded(refusal[...]))
        }
    }

    // MARK: The master

    struct Found: Sendable {
        var server: RedisConnection
        /// The Sentinel that named it; it tells when another one is.
        var sentinel: RedisConnection?
        var version: String
    }

    /// The first of the addresses that is a master, or knows it.
    func master(among addresses: [LimitServerAddress], _ events: Events) async throws(LimitServerTrouble) -> Found {
        var worst = LimitServerTrouble.off
        for address in addresses {
            do throws(LimitServerTrouble) {
                return try await master(at: address, events)
            } catch {
                // A server that answers says more than one that does not.
                switch (worst, error) {
                case (.off, _), (.unreachable, _), (.timedOut, _), (.readOnlyReplica, .noMaster): worst = error
                default: break
                }
            }
        }
        throw worst
    }

    private func master(at address: LimitServerAddress, _ events: Events) async throws(LimitServerTrouble) -> Found {
        // Whether it is a Sentinel is known once it has said so; the end of one is no end of the link.
        let role = Role(events)
        let (connection, greeting) = try await open(address, role.events)
        do throws(LimitServerTrouble) {
            switch greeting.mode {
            case .cluster: throw .clusterMode
            case .standalone:
                guard greeting.isMaster else { throw .readOnlyReplica }
                role.becomeServer()
                return Found(server: connection, sentinel: nil, version: greeting.version)
            case .sentinel:
                var place = try await askSentinel(connection, address)
                place.user = address.user
                place.password = address.password
                place.database = address.database
                let (server, greeting) = try await open(place, events)
                guard greeting.isMaster, greeting.mode == .standalone else {
                    server.close()
                    throw .noMaster("the one that Sentinel names is a replica")
                }
                return Found(server: server, sentinel: connection, version: greeting.version)
            }
        } catch {
            connection.close()
            throw error
        }
    }

    private func askSentinel(
        _ sentinel: RedisConnection, _ address: LimitServerAddress
    ) async throws(LimitServerTrouble) -> LimitServerAddress {
        let host: String?
        let port: Int?
        if let name = address.master {
            let reply = try await ask(sentinel, ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", name])
            guard let items = reply.items, items.count == 2 else { throw .noMaster("Sentinel knows none called '\(name)'") }
            (host, port) = (items[0].text, items[1].integer)
        } else {
            let masters = try await ask(sentinel, ["SENTINEL", "MASTERS"]).items ?? []
            guard masters.count == 1, let only = masters.first else {
                throw .noMaster("Sentinel knows \(masters.count) of them; say which by ?master=NAME")
            }
            (host, port) = (only["ip"]?.text, only["port"]?.integer)
        }
        guard let host, let port, (1...65_535).contains(port), !host.isEmpty, host.utf8.count <= 255 else {
            throw .noMaster("what Sentinel names is no address")
        }
        return LimitServerAddress(address.isTLS ? .tls(host: host, port: port) : .tcp(host: host, port: port))
    }
}
