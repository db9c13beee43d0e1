#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Several nodes.
extension Schema {
    enum ClusterKeys {
        static let node = Key(
            "node", .name("node's name"), .inherited("the host's name"),
            "The name of this node. Two nodes that run at once have two names; the second of one name is refused.")
        static let nodes = Key(
            "nodes", .count(1...10_000), .none("as many as are seen"),
            "How many nodes there are. Without `limits` each takes that part of every limit; with it, it is what a node goes by "
                + "while the server is away.")
        static let limits = Key(
            "limits", .oneOrList(.limitServer), .none("limits are each node's own"),
            "Redis 6 or Valkey 7.2 or newer, which shares limits, blocks and hints: `redis://[user:password@]host:6379/0`, "
                + "`rediss://` in TLS, `unix:///path` for a socket. Several addresses are Sentinels, or servers of which one is the "
                + "master; `?master=NAME` says which master Sentinels are asked for.")
        static let store = Key(
            "store", .storeAddress, .none("keys and usage are each node's own"),
            "PostgreSQL 14 or newer, which shares made keys, usage and the audit log: `postgres://user@host/database`, with "
                + "`sslmode` as libpq has it.")
        static let lease = Key("lease", LeaseKeys.kind, .value("{}"), "How much of a limit a node takes at a time.")
        static let whenUnreachable = Key(
            "when_unreachable", WhenUnreachableKeys.kind, .value("{}"), "What becomes of requests while a server is away.")
        static let authorities = Key(
            "ca", .inputFile("a PEM file"), .none("the system's authorities"),
            "PEM file of the authorities that the certificates of `limits` and `store` have to come from.")

        static let kind: Kind<ClusterSettings> = .mapping(
            Mapping(node, nodes, limits, store, lease, whenUnreachable, authorities)
        ) { section in
            let name = section[node]
            let servers = section[limits, or: []].flatMap { $0 }
            var cluster = ClusterSettings(node: name ?? hostName())
            cluster.nodes = section[nodes]
            cluster.limits = servers
            cluster.store = section[store]
            cluster.lease = section[lease, or: cluster.lease]
            cluster.whenUnreachable = section[whenUnreachable, or: cluster.whenUnreachable]
            if let path = section[authorities] {
                guard let trusted = CertificateFiles.authorities(path, section, authorities) else { return nil }
                cluster.authorities = trusted
            }
            if let place = section.place(ofEmpty: limits) { section.context.error(place, "is empty; leave it out for none") }
            if cluster.node.utf8.count > StoredNode.longestName, let place = section.place(node) {
                section.context.error(place, "is longer than the \(StoredNode.longestName) bytes that other nodes take")
            }
            warnAboutIdle(cluster, section)
            return cluster
        }

        private static func warnAboutIdle(_ cluster: ClusterSettings, _ section: Section) {
            func warn(_ key: any AnyKey, _ message: String) {
                if let place = section.place(key) { section.context.warning(place, message) }
            }
            if !section.has(limits) {
                warn(lease, "changes nothing without 'limits'")
                if cluster.whenUnreachable.limits == .refuse {
                    warn(whenUnreachable, "limits: refuse changes nothing without 'limits'")
                }
            }
            if !section.has(store), cluster.whenUnreachable.store == .refuse {
                warn(whenUnreachable, "store: refuse changes nothing without 'store'")
            }
            if section.has(store), !section.has(limits), cluster.nodes == nil {
                warn(
                    store,
                    "shares no limits: without 'limits' or 'nodes' each node allows the whole of every limit, all together as many "
                        + "times that as there are nodes")
            }
            if cluster.authorities != nil, !cluster.limits.contains(where: \.isTLS), cluster.store == nil {
                warn(authorities, "no server of the cluster is spoken to in TLS")
            }
            let masters = Set(cluster.limits.map(\.master))
            if masters.count > 1, let place = section.place(limits) {
                section.context.error(place, "the addresses name different masters")
            }
        }

        /// The first label of the host's name, with what no name may hold left out.
        static func hostName() -> String {
            var bytes = [CChar](repeating: 0, count: 256)
            guard gethostname(&bytes, bytes.count - 1) == 0 else { return "node" }
            let text = bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }.filter(Schema.isNameByte)
            return text.isEmpty ? "node" : String(decoding: text, as: UTF8.self)
        }
    }

    enum LeaseKeys {
        static let share = Key(
            "share", .share, .value("10%"), "How much of what is left of a limit a node takes at a time.")
        static let duration = Key(
            "for", .duration(.milliseconds(200)...(.seconds(60))), .value("2s"),
            "For how long. A node that is killed holds what it took for at most this long.")

        static let kind: Kind<ClusterSettings.Lease> = .mapping(Mapping(share, duration)) { section in
            var lease = ClusterSettings.Lease()
            lease.share = section[share, or: lease.share]
            lease.duration = section[duration, or: lease.duration]
            if lease.share <= 0, let place = section.place(share) {
                section.context.error(place, "is nothing; a node takes more than 0% of a limit, 10% for example")
            }
            return lease
        }
    }

    enum WhenUnreachableKeys {
        static let limits = Key(
            "limits", Kind<ClusterSettings.WhenUnreachable.Policy>.choice("policy"), .value("local"),
            "`local`: nodes go on with their part of every limit; `refuse`: requests that a limit counts get a 503.")
        static let store = Key(
            "store", Kind<ClusterSettings.WhenUnreachable.Policy>.choice("policy"), .value("local"),
            "`local`: usage waits in the state directory; `refuse`: requests get a 503.")

        static let kind: Kind<ClusterSettings.WhenUnreachable> = .mapping(Mapping(limits, store)) { section in
            var policies = ClusterSettings.WhenUnreachable()
            policies.limits = section[limits, or: policies.limits]
            policies.store = section[store, or: policies.store]
            return policies
        }
    }
}
