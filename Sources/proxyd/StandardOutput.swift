import ArgumentParser
@preconcurrency import Glibc

/// What a command printed has to have arrived: a key that is shown once, a report, a script.
enum StandardOutput {
    /// Ends the process with words where it has not.
    ///
    /// Who stops reading wants no more. The verdict of a check is its exit code, and a daemon has its log.
    static func finish(_ kind: any ParsableCommand.Type) {
        var reason = ""
        if fflush(stdout) != 0 { reason = ": \(String(cString: strerror(errno)))" }
        guard !reason.isEmpty || ferror(stdout) != 0, kind != CheckCommand.self, kind != RunCommand.self, !isLeft else { return }
        Terminal.error("proxyd: not all of it could be written to standard output\(reason)\n")
        exit(Exit.failure)
    }

    /// Whether it is a pipe that nobody reads any more.
    private static var isLeft: Bool {
        var output = pollfd(fd: STDOUT_FILENO, events: 0, revents: 0)
        return poll(&output, 1, 0) == 1 && output.revents & Int16(POLLERR | POLLHUP) != 0
    }
}
