/// What one account may use of its vendor: windows, money, and how the vendor's headers tell of it. Pure.
struct SimulatedAllowance: Sendable {
    /// A kind and its models stand once.
    private(set) var windows: [SimulatedWindow]
    /// nil: whatever is usual for the window's kind and the format of the request.
    var headers: LimitHeaderFamily?
    /// Sent as they are, in the place of those of the same name.
    var overrides: [Header] = []
    /// US dollars; nil is without end.
    var balance: Double?
    /// US dollars that one answer costs.
    var price: Double

    struct Header: Sendable, Hashable {
        var name: String
        var value: String
    }

    /// Why a request is refused.
    enum Refusal: Sendable, Hashable {
        case money
        /// Used up for so many seconds more.
        case window(SimulatedWindow, seconds: Int)

        func isSooner(than other: Self) -> Bool {
            switch (self, other) {
            case (.window(_, let seconds), .window(_, let others)): seconds < others
            case (.window, .money): true
            case (.money, _): false
            }
        }
    }

    /// Windows of an account, so that nobody fills the memory with them.
    private static let maximumWindows = 100

    init(_ options: SimulatorOptions) {
        windows = options.windows
        headers = options.headers
        balance = options.balance
        price = options.price
    }

    func refusal(of model: String, now: Double) -> Refusal? {
        // A hair less than a price is what is left of sums of decimal fractions.
        if let balance, balance <= 0 || balance < price * (1 - 1e-9) { return .money }
        let empty = windows.filter { $0.holds(model) && $0.isUsedUp(now) }
        // The one that ends last says how long it takes.
        guard let last = empty.max(by: { $0.reset(now) < $1.reset(now) }) else { return nil }
        return .window(last, seconds: Int((last.reset(now) - now).rounded(.up).clamped(to: 1...1e9)))
    }

    mutating func use(_ reply: Reply, now: Double) {
        balance = balance.map { max(0, $0 - price) }
        for index in windows.indices where windows[index].holds(reply.model) { windows[index].use(reply, now: now) }
    }

    /// Takes the place of the one of its kind and models. False: there are too many.
    mutating func put(_ window: SimulatedWindow) -> Bool {
        if let index = windows.firstIndex(where: { $0.kind == window.kind && $0.model == window.model }) {
            windows[index] = window
        } else {
            guard windows.count < Self.maximumWindows else { return false }
            windows.append(window)
        }
        return true
    }

    func window(_ kind: String, model: String) -> SimulatedWindow? {
        windows.first { $0.kind == kind && $0.model == model }
    }

    /// The headers of a response to a request for `model`.
    func lines(model: String, format: WireFormat, now: Double) -> [(name: String, value: String)] {
        let told = windows.filter { $0.holds(model) && $0.kind != "burst" }
        let groups = Dictionary(grouping: told) { headers ?? LimitHeaderFamily.usual(for: $0, format) }
        var lines = groups.sorted { $0.key.rawValue < $1.key.rawValue }.flatMap { $0.key.lines($0.value, now: now) }
        lines.removeAll { line in overrides.contains { $0.name.lowercased() == line.name } }
        return lines + overrides.map { (name: $0.name, value: $0.value) }
    }
}
