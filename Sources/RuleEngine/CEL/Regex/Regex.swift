/// A regular expression that is matched in time linear in the text: all its ways are tried at once (Thompson's construction).
struct Regex: Sendable {
    private let code: [Instruction]
    /// Begins with `^` or `\A`: nothing starts past the first character.
    private let isAnchored: Bool

    /// Instructions, a measure of what a match costs.
    var size: Int { code.count }

    private static let maxSize = 10_000

    private enum Instruction: Sendable {
        case set(RegexSet)
        case assertion(RegexAssertion)
        /// Two ways on.
        case split(Int, Int)
        case jump(Int)
        case match
    }

    init(_ pattern: String) throws(RegexProblem) {
        let tree = try RegexParser.parse(pattern)
        var code: [Instruction] = []
        try Regex.emit(tree, &code)
        code.append(.match)
        self.code = code
        isAnchored = if case .assertion(.textStart) = code[0] { true } else { false }
    }

    // MARK: Construction

    private static func emit(_ tree: RegexTree, _ code: inout [Instruction]) throws(RegexProblem) {
        guard code.count < maxSize else { throw RegexProblem(message: "it is too large") }
        switch tree {
        case .empty: break
        case .set(let set): code.append(.set(set))
        case .assertion(let assertion): code.append(.assertion(assertion))
        case .sequence(let items): for item in items { try emit(item, &code) }
        case .alternatives(let branches): try emit(alternatives: branches, &code)
        case .repeated(let item, let low, let high): try emit(repeated: item, low, high, &code)
        }
    }

    private static func emit(alternatives branches: [RegexTree], _ code: inout [Instruction]) throws(RegexProblem) {
        var ends: [Int] = []
        for (index, branch) in branches.enumerated() {
            guard index < branches.count - 1 else {
                try emit(branch, &code)
                break
            }
            let split = code.count
            code.append(.match)
            try emit(branch, &code)
            ends.append(code.count)
            code.append(.match)
            code[split] = .split(split + 1, code.count)
        }
        for end in ends { code[end] = .jump(code.count) }
    }

    private static func emit(
        repeated item: RegexTree, _ low: Int, _ high: Int?, _ code: inout [Instruction]
    ) throws(RegexProblem) {
        for _ in 0..<low { try emitCounted(item, &code) }
        guard let high else {
            let split = code.count
            code.append(.match)
            try emit(item, &code)
            code.append(.jump(split))
            code[split] = .split(split + 1, code.count)
            return
        }
        var splits: [Int] = []
        for _ in low..<max(low, high) {
            splits.append(code.count)
            code.append(.match)
            try emitCounted(item, &code)
        }
        for split in splits { code[split] = .split(split + 1, code.count) }
    }

    /// An empty item takes no room however often it is repeated, so the count alone must not run long.
    private static func emitCounted(_ item: RegexTree, _ code: inout [Instruction]) throws(RegexProblem) {
        let before = code.count
        try emit(item, &code)
        if code.count == before { code.append(.jump(before + 1)) }
    }

    // MARK: Matching

    /// Whether the pattern is found anywhere in the text.
    func matches(_ text: String, _ frame: inout Frame) throws(EvaluationError) -> Bool {
        code.count <= UInt64.bitWidth ? try matchesOfFew(text, &frame) : try matchesOfMany(text, &frame)
    }

    /// Matches with a bit for each place the match is at: nothing is allocated.
    private func matchesOfFew(_ text: String, _ frame: inout Frame) throws(EvaluationError) -> Bool {
        let end: UInt64 = 1 << UInt64(code.count - 1)
        var current: UInt64 = 0
        var previous: UInt32?
        var iterator = text.unicodeScalars.makeIterator()
        var next = iterator.next()?.value
        while true {
            if !isAnchored || previous == nil { current = closure(of: 0, in: current, previous, next) }
            if current & end != 0 { return true }
            try frame.charge(1 + current.nonzeroBitCount / 8)
            guard let scalar = next, current != 0 || !isAnchored else { return false }
            let after = iterator.next()?.value
            var following: UInt64 = 0
            while current != 0 {
                let place = current.trailingZeroBitCount
                current &= current &- 1
                guard case .set(let set) = code[place], set.contains(scalar) else { continue }
                following = closure(of: place + 1, in: following, scalar, after)
            }
            current = following
            previous = scalar
            next = after
        }
    }

    /// The places with one more, and with all that is reached from it without a character.
    private func closure(of start: Int, in places: UInt64, _ previous: UInt32?, _ next: UInt32?) -> UInt64 {
        var places = places
        var pending: UInt64 = (1 << UInt64(start)) & ~places
        while pending != 0 {
            let place = pending.trailingZeroBitCount
            pending &= pending &- 1
            places |= 1 << UInt64(place)
            switch code[place] {
            case .set, .match: break
            case .jump(let target): pending |= (1 << UInt64(target)) & ~places
            case .split(let first, let second): pending |= (1 << UInt64(first) | 1 << UInt64(second)) & ~places
            case .assertion(let assertion):
                if holds(assertion, previous, next) { pending |= (1 << UInt64(place + 1)) & ~places }
            }
        }
        return places
    }

    /// The same for a pattern of any size.
    func matchesOfMany(_ text: String, _ frame: inout Frame) throws(EvaluationError) -> Bool {
        var current = Threads(count: code.count)
        var following = Threads(count: code.count)
        var previous: UInt32?
        var iterator = text.unicodeScalars.makeIterator()
        var next = iterator.next()?.value
        while true {
            // A new attempt begins at every character, if the pattern can begin anywhere.
            if !isAnchored || previous == nil, follow(0, &current, previous, next) { return true }
            try frame.charge(1 + current.list.count / 8)
            guard let scalar = next, !current.list.isEmpty || !isAnchored else { return false }
            let after = iterator.next()?.value
            following.clear()
            for place in current.list {
                guard case .set(let set) = code[place], set.contains(scalar) else { continue }
                if follow(place + 1, &following, scalar, after) { return true }
            }
            swap(&current, &following)
            previous = scalar
            next = after
        }
    }

    /// Adds a place and all that is reached from it without a character; true when that is the end.
    private func follow(_ start: Int, _ threads: inout Threads, _ previous: UInt32?, _ next: UInt32?) -> Bool {
        threads.pending.append(start)
        while let place = threads.pending.popLast() {
            guard threads.add(place) else { continue }
            switch code[place] {
            case .set: break
            case .match:
                threads.pending.removeAll(keepingCapacity: true)
                return true
            case .jump(let target): threads.pending.append(target)
            case .split(let first, let second):
                threads.pending.append(second)
                threads.pending.append(first)
            case .assertion(let assertion):
                if holds(assertion, previous, next) { threads.pending.append(place + 1) }
            }
        }
        return false
    }

    private func holds(_ assertion: RegexAssertion, _ previous: UInt32?, _ next: UInt32?) -> Bool {
        switch assertion {
        case .textStart: previous == nil
        case .textEnd: next == nil
        case .lineStart: previous == nil || previous == 0x0A
        case .lineEnd: next == nil || next == 0x0A
        case .wordBoundary: isWord(previous) != isWord(next)
        case .noWordBoundary: isWord(previous) == isWord(next)
        }
    }

    private func isWord(_ scalar: UInt32?) -> Bool { scalar.map { RegexSet.word.contains($0) } ?? false }

    /// The places the match is at, each once.
    private struct Threads {
        private(set) var list: [Int] = []
        var pending: [Int] = []
        private var isIn: [Bool]

        init(count: Int) { isIn = Array(repeating: false, count: count) }

        mutating func add(_ place: Int) -> Bool {
            guard !isIn[place] else { return false }
            isIn[place] = true
            list.append(place)
            return true
        }

        mutating func clear() {
            for place in list { isIn[place] = false }
            list.removeAll(keepingCapacity: true)
        }
    }
}
