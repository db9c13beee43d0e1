import Foundation
import Glibc
import Testing

@testable import ProxyCore

@Suite("systemd notifier")
struct SystemdNotifierTests {
    @Test("messages arrive, at a path and at an abstract name", arguments: [false, true])
    func messages(_ isAbstract: Bool) throws {
        let name = FileManager.default.temporaryDirectory.appending(path: "proxyd-\(UUID())").path
        let manager = try Manager(isAbstract ? "@" + name : name)
        defer { manager.close(unlinking: name) }
        let notifier = SystemdNotifier(environment: ["NOTIFY_SOCKET": isAbstract ? "@" + name : name])
        notifier.ready(status: "serving 2 listeners\nREADY=0")
        #expect(manager.next() == "READY=1\nSTATUS=serving 2 listeners READY=0")
        notifier.reloading()
        let reloading = manager.next()
        #expect(reloading.hasPrefix("RELOADING=1\nMONOTONIC_USEC="))
        #expect(Int(reloading.split(separator: "=").last ?? "") ?? 0 > 0)
        notifier.status("größer")
        #expect(manager.next() == "STATUS=größer")
        notifier.watchdog()
        #expect(manager.next() == "WATCHDOG=1")
        notifier.stopping()
        #expect(manager.next() == "STOPPING=1")
    }

    @Test(
        "without a usable socket it does nothing",
        arguments: [nil, "", "/", "relative", "vsock:2:1234", "/nowhere/at/all", "/" + String(repeating: "x", count: 200)])
    func silence(_ socket: String?) {
        let notifier = SystemdNotifier(environment: socket.map { ["NOTIFY_SOCKET": $0] } ?? [:])
        notifier.ready(status: "")
        #expect(notifier.watchdogInterval == nil)
    }

    @Test(
        "the watchdog is fed at half its time, if it is ours",
        arguments: [
            (["WATCHDOG_USEC": "30000000"], Duration.seconds(15)),
            (["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "\(getpid())"], .seconds(15)),
            (["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"], nil),
            (["WATCHDOG_USEC": "0"], nil), (["WATCHDOG_USEC": "soon"], nil), ([:], nil),
        ])
    func watchdog(_ environment: [String: String], _ expected: Duration?) {
        #expect(SystemdNotifier(environment: environment).watchdogInterval == expected)
    }
}

/// The service manager's end.
private struct Manager {
    struct Failure: Error {}

    private let descriptor: Int32

    init(_ name: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { target in
            target.copyBytes(from: name.utf8.prefix(target.count))
            if name.hasPrefix("@") { target[0] = 0 }
        }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + name.utf8.count)
        var timeout = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        let isBound = withUnsafePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) == 0 }
        }
        guard isBound else { throw Failure() }
    }

    func next() -> String {
        var bytes = [UInt8](repeating: 0, count: 1024)
        let count = recv(descriptor, &bytes, bytes.count, 0)
        return String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
    }

    func close(unlinking path: String) {
        Glibc.close(descriptor)
        unlink(path)
    }
}
