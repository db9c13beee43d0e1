import Synchronization

extension RedisDial {
    /// The events of a connection of which it is not known yet what is at its other end.
    final class Role: Sendable {
        private let target: Events
        private let isServer = Atomic<Bool>(false)
        private let trouble = Mutex<LimitServerTrouble?>(nil)

        init(_ target: Events) {
            self.target = target
        }

        /// Those of a Sentinel are told nobody but for another master.
        var events: Events {
            Events(
                onPush: { [self] items in target.onPush(items) },
                onEnd: { [self] end in
                    trouble.withLock { $0 = end }
                    if isServer.load(ordering: .acquiring) { target.onEnd(end) }
                })
        }

        /// From now on its end is the link's; one that has come is told now.
        func becomeServer() {
            isServer.store(true, ordering: .releasing)
            if let end = trouble.withLock({ $0 }) { target.onEnd(end) }
        }
    }
}
