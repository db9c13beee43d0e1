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

    /// A value as it was published. One reference, so that whoever looks into a large one copies none of it.
    public final class Edition: Sendable {
        public let value: Value

        init(_ value: Value) { self.value = value }
    }

    /// One thread's copy of the value.
    public struct Reader {
        private let source: Published<Value>
        private var version = 0
        private var edition: Edition

        public init(_ source: Published<Value>) {
            self.source = source
            edition = Edition(source.current)
        }

        public mutating func read() -> Value { look().value }

        public mutating func look() -> Edition {
            let newest = source.version.load(ordering: .acquiring)
            if newest != version {
                edition = Edition(source.current)
                version = newest
            }
            return edition
        }
    }
}

/// The configuration that runs.
public typealias SnapshotStore = Published<Snapshot>
