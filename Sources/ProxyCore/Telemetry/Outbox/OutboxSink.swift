/// Where an outbox's items go.
public protocol OutboxSink<Item>: Sendable {
    associatedtype Item: Sendable

    /// Who it is, for the log: nothing of an address's path is in it.
    var receiver: String { get }

    /// Delivers them all, or throws.
    /// - Returns: how many of them the other side took and threw away.
    func deliver(_ items: [Item]) async throws(OutboxFailure) -> Int
}

/// Why a delivery came to nothing.
public struct OutboxFailure: Error, Sendable, Equatable {
    /// Nothing of an address's path is in it: webhooks have their secrets there.
    public var reason: String
    /// Whether it is worth another try.
    public var isPassing: Bool
    /// The wait that the other side asks for.
    public var retryAfter: Duration?
    /// All of it was sent, and no answer came in time: it may have been taken.
    public var isUnanswered = false

    public init(_ reason: String, isPassing: Bool, retryAfter: Duration? = nil) {
        self.reason = reason
        self.isPassing = isPassing
        self.retryAfter = retryAfter
    }
}

/// A POST to one address for each batch.
public struct WebSink<Item: Sendable>: OutboxSink {
    private let caller: any OutgoingCaller
    private let address: WebAddress
    private let headers: [(name: String, value: String)]
    private let timeout: Duration
    private let encode: @Sendable ([Item]) -> [UInt8]
    private let refused: @Sendable ([UInt8]) -> Int

    /// - Parameters:
    ///   - headers: `content-type` among them.
    ///   - encode: the body for a batch; called beside the loops.
    ///   - refused: reads out of an answer how many items the other side threw away.
    public init(
        _ address: WebAddress, headers: [(name: String, value: String)], caller: any OutgoingCaller,
        timeout: Duration = .seconds(5), refused: @escaping @Sendable ([UInt8]) -> Int = { _ in 0 },
        encode: @escaping @Sendable ([Item]) -> [UInt8]
    ) {
        self.caller = caller
        self.address = address
        self.headers = headers
        self.timeout = timeout
        self.refused = refused
        self.encode = encode
    }

    public var receiver: String { address.url.authority }

    public func deliver(_ items: [Item]) async throws(OutboxFailure) -> Int {
        let request = OutgoingRequest(
            method: "POST", url: address.url, target: address.target, headers: headers, body: encode(items), timeout: timeout,
            maximumResponse: 1 << 20)
        let response: OutgoingResponse
        do {
            response = try await caller.call(request)
        } catch OutgoingFailure.timeout {
            var failure = OutboxFailure("\(address.url.authority) did not answer in time", isPassing: true)
            failure.isUnanswered = true
            throw failure
        } catch OutgoingFailure.unreachable(let text) {
            throw OutboxFailure("\(address.url.authority): \(text)", isPassing: true)
        } catch OutgoingFailure.brokenResponse(let text) {
            throw OutboxFailure("\(address.url.authority): \(text)", isPassing: true)
        } catch {
            throw OutboxFailure("\(address.url.authority): cancelled", isPassing: true)
        }
        guard (200...299).contains(response.status) else {
            throw OutboxFailure(
                "\(address.url.authority) answered \(response.status)", isPassing: Self.isPassing(response.status),
                retryAfter: Self.retryAfter(response))
        }
        return refused(response.body)
    }

    private static func isPassing(_ status: Int) -> Bool { status >= 500 || status == 408 || status == 425 || status == 429 }

    private static func retryAfter(_ response: OutgoingResponse) -> Duration? {
        guard let text = response.headers.first(where: { $0.name == "retry-after" })?.value, let seconds = Int(text),
            (0...86_400).contains(seconds)
        else { return nil }
        return .seconds(seconds)
    }
}

/// An absolute `http` or `https` address as an outgoing call takes it. It prints without its path: webhooks have their secrets
/// there.
public struct WebAddress: Sendable, Hashable, CustomStringConvertible {
    public let url: UpstreamURL
    /// Path and query.
    public let target: String

    /// nil when it is none.
    public init?(_ text: String) {
        guard var url = UpstreamURL(absolute: text) else { return nil }
        url.basePath = ""
        self.url = url
        let rest = text.dropFirst(url.isTLS ? "https://".count : "http://".count)
        let behind = rest.drop { $0 != "/" && $0 != "?" }
        target = behind.hasPrefix("/") ? String(behind) : "/\(behind)"
    }

    /// An address below a base's path.
    public init(_ base: UpstreamURL, path: String) {
        var url = base
        target = url.basePath + path
        url.basePath = ""
        self.url = url
    }

    public var description: String { url.description }
}
