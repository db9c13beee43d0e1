import Basics
import Dialects
import Foundation
import Logging
import Synchronization

/// The lists of models of all upstreams: as they came last, kept in the state directory, so that a start shows what was known.
public final class ModelDirectory: Sendable {
    private let state: Mutex<[String: ModelListing]>
    /// The same by name alone.
    private let names: Mutex<[String: Set<String>]>
    /// nil: nothing is kept.
    private let path: String?
    /// One writes at a time: the lists of several upstreams may come at once, and all go into one file.
    private let writing = Mutex(())
    private let wanted = Atomic<Bool>(false)
    /// When somebody first looked for an upstream's list that was not there.
    private let looks = Mutex<[String: ContinuousClock.Instant]>([:])
    /// Each time that upstreams may have to be asked.
    let wakeups: AsyncStream<Void>
    private let waker: AsyncStream<Void>.Continuation

    /// - Parameter directory: the state directory.
    public init(directory: String? = nil) {
        path = directory.map { $0 + "/models.json" }
        let known = path.map(Self.read) ?? [:]
        state = Mutex(known)
        names = Mutex(known.mapValues { Set($0.models.map(\.id)) })
        (wakeups, waker) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    public var listings: [String: ModelListing] { state.withLock { $0 } }

    /// Those that the file still asks for: not of upstreams that are not to be asked, nor what another address listed.
    public func listings(in snapshot: Snapshot) -> [String: ModelListing] {
        Self.current(listings, snapshot.configuration)
    }

    private static func current(_ listings: [String: ModelListing], _ configuration: Configuration) -> [String: ModelListing] {
        configuration.upstreams.reduce(into: [:]) { current, upstream in
            guard let listing = listings[upstream.name], let plan = ModelListPlan(upstream) else { return }
            if listing.source == nil || listing.source == plan.source { current[upstream.name] = listing }
        }
    }

    public func listing(of upstream: String) -> ModelListing? { state.withLock { $0[upstream] } }

    /// Whether an upstream's list has a model.
    func has(_ model: String, at upstream: String) -> Bool { names.withLock { $0[upstream]?.contains(model) ?? false } }

    /// Somebody looks at lists: from now on upstreams are asked whether or not the file says so.
    public func want() {
        guard !isWanted else { return }
        wanted.store(true, ordering: .relaxed)
        wake()
    }

    var isWanted: Bool { wanted.load(ordering: .relaxed) }

    func wake() { waker.yield() }

    /// Somebody looks at the lists of all models. Who is among the first to do so sees them too, if their upstreams answer at once:
    /// no upstream is waited for after that moment.
    public func look(in snapshot: Snapshot) async {
        wanted.store(true, ordering: .relaxed)
        let names = ModelListPlan.all(of: snapshot).map(\.upstream.name)
        let known = listings(in: snapshot)
        guard names.contains(where: { known[$0] == nil }) else { return }
        wake()
        let now = ContinuousClock.now
        let deadline = looks.withLock { looks in
            names.filter { known[$0] == nil }.map { name in
                let begun = looks[name] ?? now
                looks[name] = begun
                return begun + Self.firstLook
            }.max() ?? now
        }
        while ContinuousClock.now < deadline {
            guard (try? await Task.sleep(for: .milliseconds(10))) != nil else { return }
            let known = listings(in: snapshot)
            if names.allSatisfy({ known[$0] != nil }) { return }
        }
    }

    private static let firstLook = Duration.milliseconds(400)

    /// Takes a list that came.
    /// - Parameter source: a digest of the address that was asked.
    public func record(_ models: [ListedModel], of upstream: String, at time: Int, source: String? = nil) {
        var listing = ModelListing()
        listing.models = models
        listing.fetchedAt = time
        listing.source = source
        state.withLock { [listing] in $0[upstream] = listing }
        names.withLock { $0[upstream] = Set(models.map(\.id)) }
    }

    /// None came: what was known stays.
    public func record(failure: String, of upstream: String) {
        state.withLock { $0[upstream, default: ModelListing()].error = failure }
    }

    /// Forgets upstreams that are there no more, are not to be asked, or have another address now.
    func keepOnly(_ configuration: Configuration) {
        let kept = state.withLock { state in
            state = Self.current(state, configuration)
            return Set(state.keys)
        }
        looks.withLock { $0 = $0.filter { kept.contains($0.key) } }
        names.withLock { $0 = $0.filter { kept.contains($0.key) } }
    }

    // MARK: The file

    /// Writes what is known; the lists come again where this fails.
    func save() throws {
        guard let path else { return }
        try writing.withLock { _ in
            let partial = path + ".new"
            try? FileManager.default.removeItem(atPath: partial)
            let file = try OutputFile(partial)
            try file.write(Self.json(listings).bytes)
            try file.replace(path, mode: 0o600)
        }
    }

    private static let largest = 64 << 20

    private static func read(_ path: String) -> [String: ModelListing] {
        guard let size = StateFiles.size(path), size <= largest, let data = FileManager.default.contents(atPath: path),
            let document = try? JSONValue(parsing: [UInt8](data), limits: .init(depth: 16, count: 5_000_000))
        else { return [:] }
        var listings: [String: ModelListing] = [:]
        for member in document["upstreams"]?.object?.members ?? [] {
            var listing = ModelListing()
            listing.fetchedAt = member.value["fetched_at"]?.int
            listing.source = member.value["source"]?.string
            listing.models = ModelPage(member.value.bytes)?.models ?? []
            listings[member.key] = listing
        }
        return listings
    }

    /// The listings in the words that `ModelPage` reads.
    private static func json(_ listings: [String: ModelListing]) -> JSONValue {
        let upstreams = listings.inKeyOrder().compactMap { name, listing -> JSONObject.Member? in
            guard let time = listing.fetchedAt else { return nil }
            var value = JSONObject()
            value.append("fetched_at", .int(time))
            if let source = listing.source { value.append("source", .string(source)) }
            value.append("models", .array(listing.models.map(json)))
            return JSONObject.Member(key: name, value: .object(value))
        }
        return .members(("upstreams", .object(JSONObject(upstreams))))
    }

    private static func json(_ model: ListedModel) -> JSONValue {
        var object = JSONObject([JSONObject.Member(key: "id", value: .string(model.id))])
        if let name = model.displayName { object.append("display_name", .string(name)) }
        if let context = model.context { object.append("context_window", .int(context)) }
        if let output = model.maxOutput { object.append("max_output_tokens", .int(output)) }
        if !model.inputModalities.isEmpty {
            object.append("input_modalities", .array(model.inputModalities.map { .string($0) }))
        }
        if !model.outputModalities.isEmpty {
            object.append("output_modalities", .array(model.outputModalities.map { .string($0) }))
        }
        if let price = model.price { object.append("pricing", pricing(price)) }
        return .object(object)
    }

    /// Dollars per token, as OpenRouter writes them.
    public static func pricing(_ price: Price) -> JSONValue {
        func text(_ nano: Int) -> JSONValue { .string(Quantity.text(max(0, nano), places: 15)) }
        var object = JSONObject()
        object.append("prompt", text(price.input))
        object.append("completion", text(price.output))
        if let read = price.cacheRead { object.append("input_cache_read", text(read)) }
        if let write = price.cacheWrite { object.append("input_cache_write", text(write)) }
        return .object(object)
    }
}
