/// A dictionary in pieces. A copy that differs in one entry shares all pieces but one with the map it came from, so that a table of
/// ten thousand keys that readers hold is not copied for each key that is made.
struct SharedMap<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private static var pieceCount: Int { 256 }

    private var pieces = [[Key: Value]](repeating: [:], count: SharedMap.pieceCount)
    private(set) var count = 0

    init() {}

    subscript(key: Key) -> Value? {
        get { pieces[Self.piece(of: key)][key] }
        set {
            let piece = Self.piece(of: key)
            let old = pieces[piece][key] == nil ? 0 : 1
            pieces[piece][key] = newValue
            count += (newValue == nil ? 0 : 1) - old
        }
    }

    /// The values, in no order.
    var values: some Sequence<Value> { pieces.lazy.flatMap(\.values) }

    private static func piece(of key: Key) -> Int { Int(truncatingIfNeeded: UInt(bitPattern: key.hashValue) % UInt(pieceCount)) }
}
