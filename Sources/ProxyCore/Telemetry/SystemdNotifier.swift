import Glibc

/// Tells systemd how the service is, by the protocol of sd_notify(3). Without `$NOTIFY_SOCKET` it does nothing.
public struct SystemdNotifier: Sendable {
    /// How often `watchdog` is to be called: half of what the unit's WatchdogSec allows; nil when nobody watches.
    public let watchdogInterval: Duration?
    private let socketPath: String?

    /// - Parameter environment: of the process, as systemd set it.
    public init(environment: [String: String]) {
        socketPath = environment["NOTIFY_SOCKET"].flatMap { path in
            // An absolute path and an abstract name are the kinds of address that are for datagrams of this family.
            path.count > 1 && (path.hasPrefix("/") || path.hasPrefix("@")) ? path : nil
        }
        let isMeant = environment["WATCHDOG_PID"].map { $0 == String(getpid()) } ?? true
        let microseconds = environment["WATCHDOG_USEC"].flatMap { Int64($0) } ?? 0
        watchdogInterval = isMeant && microseconds > 0 ? .microseconds(microseconds / 2) : nil
    }

    /// Listeners are bound and a configuration runs.
    public func ready(status: String) { send("READY=1\nSTATUS=\(Self.line(status))") }

    /// A changed configuration is being read; `ready` ends it, whatever came of it.
    public func reloading() {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        send("RELOADING=1\nMONOTONIC_USEC=\(now.tv_sec * 1_000_000 + now.tv_nsec / 1000)")
    }

    /// One line that `systemctl status` shows.
    public func status(_ text: String) { send("STATUS=\(Self.line(text))") }

    public func stopping() { send("STOPPING=1") }

    /// A sign of life.
    public func watchdog() { send("WATCHDOG=1") }

    private static func line(_ text: String) -> String {
        String(text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : Character($0) })
    }

    private func send(_ message: String) {
        guard let socketPath, var address = sockaddr_un(path: socketPath) else { return }
        if socketPath.hasPrefix("@") { address.sun_path.0 = 0 }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        // The manager reads quickly; should it hang, so shall not we.
        var timeout = timeval(tv_sec: 1, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        // An abstract name ends where the address ends, so the length has to be exact.
        let length = MemoryLayout<sa_family_t>.size + socketPath.utf8.count
        let bytes = Array(message.utf8)
        address.withSocketAddress(length: length) { address, length in
            _ = bytes.withUnsafeBytes { sendto(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL), address, length) }
        }
    }
}
