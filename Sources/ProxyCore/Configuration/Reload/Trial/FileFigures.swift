import Synchronization

/// What the requests came to that one file served: those of the keys that would go by a new one first, and those of the others.
final class FileFigures: Sendable {
    let chosen = RequestFigures()
    let others = RequestFigures()
    /// nil but for a file on trial.
    let tried: TriedFile?
    private let share: Atomic<UInt64>

    init(share: KeyShare, tried: TriedFile? = nil) {
        self.share = Atomic(share.last)
        self.tried = tried
    }

    var keyShare: KeyShare {
        get { KeyShare(last: share.load(ordering: .relaxed)) }
        set { share.store(newValue.last, ordering: .relaxed) }
    }

    func count(_ sample: RequestFigures.Sample, of keyID: String?) {
        let isChosen = keyID.map { keyShare.takes($0) } ?? false
        (isChosen ? chosen : others).count(sample)
    }
}

/// What is a trial's alone.
struct TriedFile: Sendable {
    /// What it retries is taken from nobody else's.
    let retries = RetryBudget()
    /// The targets of the file that runs, `upstream/model`.
    let known: Set<String>

    /// Whether a target and its accounts are the new file's alone: what fails there, the new file brought about.
    func isNew(_ upstream: Upstream, model: String?) -> Bool {
        upstream.isOnTrial || !known.contains("\(upstream.name)/\(model ?? "")")
    }
}

/// Which keys go by a new file first: the same ones with every file, whoever asks how often.
struct KeyShare: Sendable, Hashable {
    /// The greatest place that is taken.
    let last: UInt64

    init(last: UInt64) { self.last = last }

    /// - Parameters:
    ///   - share: 0–1.
    ///   - keyIDs: those that there are. At least one of them is taken, where any is to be.
    init(_ share: Double, of keyIDs: [String] = []) {
        guard share > 0 else {
            last = 0
            return
        }
        guard share < 1 else {
            last = .max
            return
        }
        let places = Set(keyIDs).map(Self.place(of:)).sorted()
        guard let greatest = places.last else {
            last = UInt64(share * 0x1p63) << 1
            return
        }
        let count = min(max(1, Int((share * Double(places.count)).rounded())), places.count)
        last = count == places.count ? greatest : places[count - 1]
    }

    func takes(_ keyID: String) -> Bool { Self.place(of: keyID) <= last }

    /// Where a key stands among all that there could be; never 0. The same in every process.
    static func place(of keyID: String) -> UInt64 {
        // FNV-1a, then the last steps of SplitMix64: texts that differ little stand far apart.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in keyID.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        hash = (hash ^ hash >> 30) &* 0xbf58_476d_1ce4_e5b9
        hash = (hash ^ hash >> 27) &* 0x94d0_49bb_1331_11eb
        hash ^= hash >> 31
        return max(hash, 1)
    }
}
