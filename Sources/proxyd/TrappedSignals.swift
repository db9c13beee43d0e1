import Dispatch

/// Signals that no longer end the process but arrive here, one after the other, also those that come before anybody looks.
final class TrappedSignals: Sendable {
    /// One element for each arrival that was told apart; for one reader at a time.
    let arrivals: AsyncStream<Void>

    private let arrival: AsyncStream<Void>.Continuation

    /// Returns once they are trapped.
    init(_ numbers: Int32...) async {
        (arrivals, arrival) = AsyncStream.makeStream()
        for number in numbers {
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            // The handler keeps its source: a process traps its signals until it ends.
            source.setEventHandler { [arrival] in
                withExtendedLifetime(source) { _ = arrival.yield() }
            }
            await withCheckedContinuation { trapped in
                source.setRegistrationHandler { trapped.resume() }
                source.activate()
            }
        }
    }

    /// Waits until one arrives. Returns at once where the task is cancelled.
    func next() async {
        for await _ in arrivals { return }
    }
}
