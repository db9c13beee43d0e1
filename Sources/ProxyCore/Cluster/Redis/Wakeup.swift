import NIOCore
import Synchronization

/// Lets one task wait until somebody has something for it, or time is up.
final class Wakeup: Sendable {
    private struct State {
        var isSet = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    func wake() {
        let waiter = state.withLock { state in
            defer { state.waiter = nil }
            if state.waiter == nil { state.isSet = true }
            return state.waiter
        }
        waiter?.resume()
    }

    /// Returns at once when it was woken since the last time, and when the task is cancelled.
    func wait(_ longest: TimeAmount?, on eventLoop: any EventLoop) async {
        let timer = longest.map { eventLoop.scheduleTask(in: $0) { [self] in wake() } }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isSet = state.withLock { state in
                    if state.isSet || Task.isCancelled {
                        state.isSet = false
                        return true
                    }
                    state.waiter = continuation
                    return false
                }
                if isSet { continuation.resume() }
            }
        } onCancel: {
            wake()
        }
        timer?.cancel()
    }
}

/// How long to wait before the next attempt: longer each time, and not as long as everybody else.
struct ReconnectPause {
    private var milliseconds: Int64 = 100

    mutating func reset() { milliseconds = 100 }

    mutating func next() -> TimeAmount {
        defer { milliseconds = min(milliseconds * 2, 3_000) }
        return .milliseconds(Int64.random(in: milliseconds / 2...milliseconds))
    }
}
