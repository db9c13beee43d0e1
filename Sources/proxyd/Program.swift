import Glibc
import ProxyCore

/// What must be so before anything else runs; then the command line.
@main
enum Program {
    /// Begins on the main thread: no other is made for what ends there.
    @MainActor
    static func main() async {
        StandardDescriptors.openMissing()
        ProcessSignals.surviveOutput()
        await CommandLineCall.run(CommandLineCall.begin(Array(CommandLine.arguments.dropFirst())))
    }
}

/// Signals whose default would end the process.
enum ProcessSignals {
    /// Output that nobody reads, and a file that may grow no further, are errors of `write`, never the end.
    static func surviveOutput() {
        signal(SIGPIPE, SIG_IGN)
        signal(SIGXFSZ, SIG_IGN)
    }

    /// What operators' tools send to daemons, until somebody listens to it: SIGHUP and SIGUSR1 while it starts, SIGUSR2 always.
    static func surviveReloads() {
        signal(SIGHUP, SIG_IGN)
        signal(SIGUSR1, SIG_IGN)
        signal(SIGUSR2, SIG_IGN)
    }
}
