import NIOCore

/// Something whose time can run out.
protocol Sweepable: AnyObject {
    /// Its place in the sweeper; only the sweeper writes it.
    var sweepIndex: Int { get set }
    func sweep(now: NIODeadline)
}

/// Looks at every connection of one loop ten times a second, instead of a scheduled task for every timeout.
///
/// A proxy arms and disarms several timers for each request; a heap of them costs more than a glance at a few thousand
/// numbers. Timeouts are exact to `period`. While there is nothing to look at, nothing runs.
final class DeadlineSweeper {
    static let period = TimeAmount.milliseconds(100)

    /// The time of the last sweep or start: at most `period` old while anything is registered.
    private(set) var now: NIODeadline
    private let eventLoop: any EventLoop
    private var members: [any Sweepable] = []
    private var isRunning = false
    /// While a sweep is under way: members from here on have been looked at.
    private var cursor = 0

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        now = eventLoop.now
    }

    func add(_ member: any Sweepable) {
        member.sweepIndex = members.count
        members.append(member)
        if !isRunning { start() }
    }

    func remove(_ member: any Sweepable) {
        let index = member.sweepIndex
        guard members.indices.contains(index), members[index] === member else { return }
        var hole = index
        if index < cursor {
            // Not looked at yet: another such member takes its place, so that those that were stay behind the cursor.
            cursor -= 1
            place(members[cursor], at: index)
            hole = cursor
        }
        let last = members.removeLast()
        if hole < members.count { place(last, at: hole) }
        member.sweepIndex = -1
    }

    private func place(_ member: any Sweepable, at index: Int) {
        members[index] = member
        member.sweepIndex = index
    }

    private func start() {
        isRunning = true
        now = eventLoop.now
        arm()
    }

    private func arm() {
        eventLoop.assumeIsolated().scheduleTask(in: Self.period) { [weak self] in
            guard let self else { return }
            sweep()
            if members.isEmpty { isRunning = false } else { arm() }
        }
    }

    private func sweep() {
        now = eventLoop.now
        // From the end on. Whoever goes or comes meanwhile, none is missed and none is seen twice.
        cursor = members.count
        while cursor > 0 {
            cursor -= 1
            members[cursor].sweep(now: now)
        }
    }

    /// Every member, for the end of the process.
    var all: [any Sweepable] { members }
}

@available(*, unavailable)
extension DeadlineSweeper: Sendable {}
