import ArgumentParser
import Foundation

/// The file that `proxyd init` makes. It never takes another's place.
struct FirstFile {
    let path: String

    /// Where proxyd looks for it by itself, if it may be written there.
    static var usualPath: String {
        let folder = URL(fileURLWithPath: Proxyd.defaultPath).deletingLastPathComponent().path
        return access(folder, W_OK) == 0 ? Proxyd.defaultPath : "proxy.yaml"
    }

    /// - Throws: `ExitCode` before anybody is asked anything.
    func checkPlace() throws {
        var status = stat()
        if lstat(path, &status) == 0 {
            throw Self.failure("\(path) is there already, and is left as it is; --output names another")
        }
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        if access(folder, W_OK) != 0 { throw Self.failure("\(path) cannot be made: \(String(cString: strerror(errno)))") }
    }

    func write(_ text: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw Self.failure(
                errno == EEXIST
                    ? "\(path) is there already, and is left as it is; --output names another"
                    : "\(path) cannot be made: \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 || count < 0 && errno == EINTR else { return try giveUp() }
            rest = rest.dropFirst(max(0, count))
        }
        guard fchmod(descriptor, 0o600) == 0, fsync(descriptor) == 0 else { return try giveUp() }
        if let service { _ = fchown(descriptor, service.user, service.group) }
    }

    /// The user that the file became the property of, where that is somebody else.
    var owner: String? { service?.name }

    var startCommand: String {
        path == Proxyd.defaultPath && access("/run/systemd/system", F_OK) == 0
            ? "systemctl enable --now proxyd" : path == Proxyd.defaultPath ? "proxyd run" : "proxyd run -c \(path)"
    }

    /// root writes for the service whose group the directory belongs to: it would not be able to read a file of root's.
    private var service: (name: String, user: uid_t, group: gid_t)? {
        var status = stat()
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        guard geteuid() == 0, stat(folder, &status) == 0, status.st_gid != 0, let group = getgrgid(status.st_gid),
            let name = group.pointee.gr_name, let user = getpwnam(name)
        else { return nil }
        return (String(cString: name), user.pointee.pw_uid, status.st_gid)
    }

    private func giveUp() throws {
        let reason = String(cString: strerror(errno))
        unlink(path)
        throw Self.failure("\(path) cannot be written: \(reason)")
    }

    private static func failure(_ text: String) -> ExitCode {
        Terminal.error("proxyd: \(text)\n")
        return ExitCode(Exit.cannotCreate)
    }
}
