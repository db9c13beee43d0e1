import ArgumentParser
import Foundation

/// A file that the command line names.
enum InputFile {
    /// - Parameter path: `-` is standard input.
    /// - Throws: the exit code, after why it cannot be read was told.
    static func read(_ path: String) throws -> [UInt8] {
        let file = try handle(path)
        guard let data = try? file.readToEnd() ?? Data() else { throw unreadable(path) }
        return Array(data)
    }

    /// A file, or a pipe, as a shell makes one of a command's output.
    static func handle(_ path: String) throws -> FileHandle {
        if path == "-" { return .standardInput }
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFDIR, let handle = FileHandle(forReadingAtPath: path) else {
            throw unreadable(path)
        }
        return handle
    }

    /// Says no before anything is done, where it cannot be read.
    static func check(_ path: String) throws {
        guard access(path, R_OK) == 0 else { throw unreadable(path) }
    }

    static func unreadable(_ path: String) -> ExitCode {
        var status = stat()
        let isThere = stat(path, &status) == 0 && access(path, R_OK) == 0
        let reason = String(cString: strerror(isThere ? status.st_mode & S_IFMT == S_IFDIR ? EISDIR : EIO : errno))
        return Terminal.misuse("\(path) cannot be read: \(reason)")
    }
}
