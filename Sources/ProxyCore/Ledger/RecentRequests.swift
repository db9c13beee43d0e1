/// The request ids of the last so many records: what is booked twice counts once.
///
/// It keeps 64 bits of a keyed hash of each: a new id is mistaken for a known one less than once in 10¹³ records.
/// Whoever could choose ids could have requests not counted: they have to be proxyd's own.
struct RecentRequests {
    /// At least this many are remembered, at most twice as many.
    static let capacity = 1 << 16
    /// So many that one after the other are inserted are all remembered.
    static let mostAtOnce = 2 * capacity - 1
    private var young = Generation()
    private let keyed = KeyedHash()
    private var old = Generation()

    /// false when the id is known. An empty id is never known.
    mutating func insert(_ requestID: UnsafeRawBufferPointer) -> Bool {
        guard !requestID.isEmpty else { return true }
        // Zero marks a free place.
        let hash = max(hash(of: requestID), 1)
        guard !old.contains(hash), young.insert(hash) else { return false }
        if young.count >= Self.capacity {
            swap(&young, &old)
            young.removeAll()
        }
        return true
    }

    func contains(_ requestID: String) -> Bool {
        var requestID = requestID
        return requestID.withUTF8 { bytes in
            let hash = max(hash(of: UnsafeRawBufferPointer(bytes)), 1)
            return !bytes.isEmpty && (young.contains(hash) || old.contains(hash))
        }
    }

    private func hash(of requestID: UnsafeRawBufferPointer) -> UInt { UInt(keyed.hash(requestID)) }

    /// A set of hashes that are evenly distributed as they are: a hash is at its own low bits, or as soon after as is free.
    /// At least half of the places are free, so the next free one is near.
    private struct Generation {
        private(set) var count = 0
        /// Made for the first: a megabyte that a start need not fill with zeros.
        private var places: [UInt] = []

        func contains(_ hash: UInt) -> Bool { count > 0 && places[place(of: hash)] == hash }

        /// false when it is there already.
        mutating func insert(_ hash: UInt) -> Bool {
            if places.isEmpty { places = [UInt](repeating: 0, count: 2 * RecentRequests.capacity) }
            let place = place(of: hash)
            guard places[place] == 0 else { return false }
            places[place] = hash
            count += 1
            return true
        }

        mutating func removeAll() {
            for place in places.indices { places[place] = 0 }
            count = 0
        }

        /// Where the hash is, or would go.
        private func place(of hash: UInt) -> Int {
            let mask = UInt(places.count - 1)
            var place = hash & mask
            while places[Int(place)] != 0, places[Int(place)] != hash { place = (place + 1) & mask }
            return Int(place)
        }
    }
}
