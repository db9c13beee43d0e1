import ArgumentParser
import Foundation

/// What the command line says on standard error.
enum Terminal {
    /// Says what is wrong with what was typed, and how the process ends.
    static func misuse(_ text: String) -> ExitCode {
        error("proxyd: \(text)\n")
        return ExitCode(Exit.usage)
    }

    static func error(_ text: String) {
        // Not FileHandle: where nobody takes the text, it ends the process by a trap.
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
            guard written > 0 else {
                if written < 0, errno == EINTR { continue }
                return
            }
            rest = rest.dropFirst(written)
        }
    }
}
