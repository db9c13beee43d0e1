import Synchronization

/// A shared value that is replaced as a whole, rarely, and read all the time.
///
/// One pointer, one swap. Readers keep a `Reader` each; while nothing was published, reading costs one relaxed load.
public final class Published<Value: Sendable>: Sendable {
    private let version = Atomic<Int>(1)
    private let state: Mutex<Value>

    public init(_ value: Value) {
        state = Mutex(value)
    }

    public var current: Value { state.withLock { $0 } }

    public func publish(_ value: Value) {
        state.withLock {
            $0 = value
            version.add(1, ordering: .releasing)
        }
    }

    /// Changes the value under the lock; `change` must not call out.
    @discardableResult
    public func update<Result>(_ change: (inout Value) throws -> sending Result) rethrows -> sending Result {
        try state.withLock {
            let result = try change(&$0)
            version.add(1, ordering: .releasing)
            return result
        }
    }

    /// One thread's copy of the value.
    public struct Reader {
        private let source: Published<Value>
        private var version = 0
        /// What was published when `refresh` was last called.
        public private(set) var value: Value

        public init(_ source: Published<Value>) {
            self.source = source
            value = source.current
        }

        public mutating func read() -> Value {
            refresh()
            return value
        }

        public mutating func refresh() {
            let newest = source.version.load(ordering: .acquiring)
            guard newest != version else { return }
            value = source.current
            version = newest
        }
    }
}

/// The configuration that runs, and what became of the last attempt to change it.
public typealias SnapshotStore = Published<Snapshot>
