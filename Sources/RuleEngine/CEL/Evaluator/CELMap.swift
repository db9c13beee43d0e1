/// A map that keeps the order its entries were written in.
struct CELMap: Sendable {
    private let storage: Storage
    /// What is found where no entry is, by who asks for a value without asking whether there is one.
    private(set) var missing: String?

    private enum Storage: Sendable {
        case entries([(key: CELValue, value: CELValue)], index: [CELKey: Int])
        /// A map of the request, as it came. Walked in the order of its keys, so that a walk gives the same twice.
        case strings([String: String])
    }

    /// nil when a key is there twice, or is of no type a key may have.
    init?(_ entries: [(key: CELValue, value: CELValue)]) {
        var index: [CELKey: Int] = [:]
        index.reserveCapacity(entries.count)
        for (position, entry) in entries.enumerated() {
            guard let key = CELKey(entry.key), index.updateValue(position, forKey: key) == nil else { return nil }
        }
        storage = .entries(entries, index: index)
    }

    init(_ strings: [String: String], missing: String? = nil) {
        storage = .strings(strings)
        self.missing = missing
    }

    var count: Int {
        switch storage {
        case .entries(let entries, _): entries.count
        case .strings(let strings): strings.count
        }
    }

    var entries: [(key: CELValue, value: CELValue)] {
        switch storage {
        case .entries(let entries, _): entries
        case .strings(let strings):
            strings.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
                .map { (key: .string($0), value: .string(strings[$0] ?? "")) }
        }
    }

    func value(_ key: String) -> CELValue? {
        switch storage {
        case .entries(let entries, let index): index[.string(CELText(text: key))].map { entries[$0].value }
        case .strings(let strings): strings[key].map { .string($0) }
        }
    }

    /// nil when the key is not there; a key of another type is not there.
    func value(_ key: CELValue) -> CELValue? {
        if case .string(let text) = key { return value(text) }
        guard case .entries(let entries, let index) = storage, let key = CELKey(key), let position = index[key] else {
            return nil
        }
        return entries[position].value
    }
}

/// A map's key; numbers that are equal are the same key, whatever their type.
private enum CELKey: Hashable, Sendable {
    case bool(Bool)
    case int(Int)
    /// Only those no int can hold.
    case uint(UInt)
    case string(CELText)

    /// nil for a value that is no key. A double is one only to look a whole number up.
    init?(_ value: CELValue) {
        switch value {
        case .bool(let value): self = .bool(value)
        case .int(let value): self = .int(value)
        case .uint(let value): self = Int(exactly: value).map { .int($0) } ?? .uint(value)
        case .string(let value): self = .string(CELText(text: value))
        case .double(let value):
            if let int = Int(exactly: value) {
                self = .int(int)
            } else if let uint = UInt(exactly: value) {
                self = .uint(uint)
            } else {
                return nil
            }
        default: return nil
        }
    }
}

/// A string that is hashed and compared by code points.
private struct CELText: Hashable, Sendable {
    let text: String

    static func == (left: CELText, right: CELText) -> Bool { left.text.sameText(as: right.text) }

    func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}
