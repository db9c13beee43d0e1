/// What a node tells the server of one bucket, and what it asks for: states, not changes, so that nothing counts twice.
struct LeaseMessage: Sendable, Hashable {
    struct Part: Sendable, Hashable {
        let kind: LimitRate.Kind
        /// Used since the process began.
        let spent: Int
        /// What this node has used of each window, as far back as it knows: minute, day, month, total. It counts where the server
        /// has not heard of this process.
        let own: [Int]
        /// What others had used of them, as told last; all zero but where the server has lost its memory. It counts as far as
        /// nobody tells of it himself.
        let heard: [Int]
        /// What the requests in flight have reserved.
        let reserved: Int
        /// What is held beyond that, and stays held.
        let kept: Int
        /// What it goes on with by division while the server gathers what all have used.
        let part: Int
        /// What all requests wait for that do, and the least that one does.
        let need: Int
        let least: Int
        /// Whether a share of what is left is taken.
        let wants: Bool
        let rates: [LimitRate]
    }

    let key: String
    /// Tells the lease from those that this process had of the bucket before, and has forgotten.
    let birth: Int
    let number: Int
    /// The last reset that this node has heard of, by the server's clock: what it tells is of after that; -1 where it has heard of nothing.
    var knownReset = -1
    /// Milliseconds since it used the bucket last.
    var unused = 0
    let parts: [Part]

    /// The message as the script reads it: numbers with blanks between them.
    var text: String {
        var numbers = [birth, number, knownReset, unused, parts.count]
        for part in parts {
            numbers += [part.kind.place, part.spent] + part.own.prefix(4) + part.heard.prefix(4)
            numbers += [part.reserved, part.kept, part.part, part.need, part.least, part.wants ? 1 : 0, part.rates.count]
            for rate in part.rates { numbers += [rate.window.place, rate.most] }
        }
        return numbers.map(String.init).joined(separator: " ")
    }
}

/// What the server says of one bucket.
struct LeaseAnswer: Sendable, Hashable {
    struct Part: Sendable, Hashable {
        let kind: LimitRate.Kind
        /// This node holds so much, what is reserved included.
        let held: Int
        /// Others do.
        let others: Int
        /// What nobody holds.
        let unheld: Int
        /// What all have used of each window: minute, day, month, total.
        let used: [Int]
        /// Milliseconds until enough of the minute has passed; 0 where that is not what is missing.
        let wait: Int
        /// When each window was reset last by itself: minute, day, month, total; milliseconds of the server's clock.
        var resets: [Int] = []
        /// When a process before this one told of the bucket last, by the server's clock; 0 where none has, or this one did.
        var toldBefore = 0
        /// Milliseconds until all of the minute has passed; 0 where that is not told.
        var rest = 0
    }

    var number: Int
    /// When each kind was reset last: requests, tokens, cost; milliseconds of the server's clock.
    var resets: [Int] = []
    var parts: [Part] = []

    /// What was reset last, in one array: a place for each kind in all its windows, then one for each window of each by itself; -1
    /// where that is not told.
    var resetTimes: [Int] {
        var times = [Int](repeating: -1, count: LeaseReset.all.count)
        for (place, reset) in LeaseReset.all.enumerated() {
            if let window = reset.window {
                let part = parts.first { $0.kind == reset.kind }
                if let part, part.resets.indices.contains(window.place) { times[place] = part.resets[window.place] }
            } else if resets.indices.contains(reset.kind.place) {
                times[place] = resets[reset.kind.place]
            }
        }
        return times
    }

    /// The same as they were when this node told of the bucket last, in a process before: a reset that is later was missed.
    var resetTimesBefore: [Int] {
        LeaseReset.all.map { reset in
            parts.first { $0.kind == reset.kind && $0.toldBefore > 0 }?.toldBefore ?? -1
        }
    }
}

/// What of a bucket nodes tell one another to begin at zero.
struct LeaseReset: Sendable, Hashable {
    let kind: LimitRate.Kind
    /// nil for all.
    let window: LimitRate.Window?

    static let all: [LeaseReset] = {
        let kinds = [LimitRate.Kind.requests, .tokens, .cost]
        let windows = LimitRate.Window.allCases.filter { $0 != .now }
        return kinds.map { LeaseReset(kind: $0, window: nil) }
            + kinds.flatMap { kind in windows.map { LeaseReset(kind: kind, window: $0) } }
    }()
}

/// A batch of messages, with what is the same in all.
struct LeaseBatch: Sendable {
    /// The node's name, and this process of it.
    let node: String
    let process: String
    /// Names its state directory, in which what it has used is; empty where nobody knows.
    var directory = ""
    let terms: LeaseTerms
    /// When the day and the month have begun; milliseconds since 1970.
    let day: Int
    let month: Int
    /// How many nodes were there when the server was heard of last; 0 before. A memory that the node has told all is not
    /// waited for by it.
    let expected: Int
    /// The memory of the server that has heard all that this node has used; 0 where none has.
    let told: Int
    let messages: [LeaseMessage]

    var header: String { "\(terms.lasts) \(terms.share) \(day) \(month) \(expected) \(told)" }
}

/// The server's answer to a batch of messages.
struct LeaseAnswers: Sendable {
    /// Milliseconds since 1970 by the server's clock.
    var time = 0
    /// Another one when the server has lost its memory.
    var memory = 0
    /// Nodes that are there.
    var nodes = 0
    /// The server has lost its memory, and hears first what all have used: nothing more is granted.
    var isLearning = false
    /// The answers in the order of the messages; nil where one was older than what the server knows.
    var answers: [LeaseAnswer?] = []
}

/// Who keeps leases for all nodes.
protocol LeaseServer: Sendable {
    /// - Throws: where no answer comes; what was asked may have been done.
    func exchange(_ batch: LeaseBatch) async throws -> LeaseAnswers
    /// Counts of a bucket begin at zero, for all nodes.
    /// - Parameters:
    ///   - kind: only these; nil for all.
    ///   - window: only of this one; nil for all.
    ///   - age: for how many milliseconds they do.
    /// - Returns: by when a node knows of it, by the server's clock.
    func reset(key: String, kind: LimitRate.Kind?, window: LimitRate.Window?, age: Int) async throws -> Int
}
