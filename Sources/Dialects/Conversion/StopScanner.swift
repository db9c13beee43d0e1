/// Looks for the stop sequences that an upstream does not take itself (conversion.md 6.8).
///
/// All of them at once (Aho and Corasick, 1975), so that a letter costs the same whether there is one or the most that is taken, and
/// a response stops at the same place however it was cut: where the first sequence is whole, the longest one that ends there.
struct StopScanner: Sendable {
    /// A beginning of some sequence. The first node is the empty one.
    private struct Node: Sendable {
        /// The letter that leads here.
        var byte: UInt8 = 0
        var depth = 0
        /// The longest other beginning that this one ends with.
        var fallback = 0
        /// Which sequence ends here; -1 where none does.
        var stop = -1
        var firstChild = -1
        var sibling = -1
    }

    private let stops: [[UInt8]]
    private var nodes: [Node] = []
    /// The first nodes, by their letters.
    private var roots: [Int] = []
    private var node = 0
    /// Text that goes on, not escaped.
    private var ready: [UInt8] = []
    /// Text that may still turn out to begin a stop sequence, not escaped.
    private var pending: [UInt8] = []
    /// The sequence that matched, escaped.
    private(set) var matched: [UInt8]?

    init(_ stops: [String]) {
        self.stops = stops.map { Array($0.utf8) }.filter { !$0.isEmpty }
        guard !self.stops.isEmpty else { return }
        nodes = [Node()]
        roots = [Int](repeating: 0, count: 256)
        for (index, stop) in self.stops.enumerated() { add(stop, index) }
        linkFallbacks()
    }

    var isActive: Bool { !stops.isEmpty }
    var isStopped: Bool { matched != nil }

    mutating func feed(_ text: RawText) {
        guard matched == nil else { return }
        for byte in JSONText.bytes(text) {
            node = next(node, byte)
            pending.append(byte)
            if nodes[node].stop >= 0 { return match(stops[nodes[node].stop]) }
        }
        let decided = pending.count - nodes[node].depth
        ready.append(contentsOf: pending[..<decided])
        pending.removeFirst(decided)
    }

    /// The text, escaped, that no stop sequence can begin in any more.
    mutating func take(isLast: Bool) -> [UInt8] {
        if isLast {
            ready += pending
            pending = []
            node = 0
        }
        var out: [UInt8] = []
        ready.withUnsafeBytes { JSONText.append(escaping: $0, to: &out) }
        ready.removeAll(keepingCapacity: true)
        return out
    }

    private mutating func match(_ stop: [UInt8]) {
        var name: [UInt8] = []
        stop.withUnsafeBytes { JSONText.append(escaping: $0, to: &name) }
        matched = name
        ready += pending.dropLast(stop.count)
        pending = []
    }

    // MARK: The automaton

    private mutating func add(_ stop: [UInt8], _ index: Int) {
        var place = 0
        for byte in stop {
            if let child = child(of: place, byte) {
                place = child
                continue
            }
            nodes.append(Node(byte: byte, depth: nodes[place].depth + 1, sibling: nodes[place].firstChild))
            let child = nodes.count - 1
            nodes[place].firstChild = child
            if place == 0 { roots[Int(byte)] = child }
            place = child
        }
        if nodes[place].stop < 0 { nodes[place].stop = index }
    }

    private func child(of place: Int, _ byte: UInt8) -> Int? {
        if place == 0 { return roots[Int(byte)] == 0 ? nil : roots[Int(byte)] }
        var child = nodes[place].firstChild
        while child >= 0 {
            if nodes[child].byte == byte { return child }
            child = nodes[child].sibling
        }
        return nil
    }

    private func next(_ place: Int, _ byte: UInt8) -> Int {
        var place = place
        while true {
            if let child = child(of: place, byte) { return child }
            if place == 0 { return 0 }
            place = nodes[place].fallback
        }
    }

    /// Finds, by depth, where a beginning goes on when its next letter does not come.
    private mutating func linkFallbacks() {
        var waiting = [0]
        var index = 0
        while index < waiting.count {
            let place = waiting[index]
            index += 1
            var child = nodes[place].firstChild
            while child >= 0 {
                waiting.append(child)
                if place != 0 { nodes[child].fallback = next(nodes[place].fallback, nodes[child].byte) }
                // A sequence that ends here inside a longer beginning.
                if nodes[child].stop < 0 { nodes[child].stop = nodes[nodes[child].fallback].stop }
                child = nodes[child].sibling
            }
        }
    }
}
