import Foundation
import NIOCore
import NIOHTTP1

/// One connection of the pretended provider: collects a request, sends the response at its pace.
final class SimulatorHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let provider: Provider
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []
    private var next: Scheduled<Void>?

    init(provider: Provider) {
        self.provider = provider
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body = []
            if head.headers[canonicalForm: "expect"].contains("100-continue") {
                context.writeAndFlush(wrapOutboundOut(.head(.init(version: head.version, status: .continue))), promise: nil)
            }
        case .body(let part):
            guard head != nil else { return }
            body += part.readableBytesView
            guard body.count > provider.options.maximumBody else { return }
            var response = SimulatedResponse.json(WireFormat.messages.error(413, "Request exceeds the maximum size"), status: 413)
            response.headers.append(("connection", "close"))
            perform(response, isKeptAlive: false, context: context)
            head = nil
        case .end:
            guard let head else { return }
            self.head = nil
            let path = head.uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).first ?? ""
            let request = Provider.Request(
                method: head.method.rawValue, path: String(path), key: Self.key(head.headers),
                isAnthropicClient: head.headers.contains(name: "anthropic-version"), body: body)
            body = []
            perform(
                provider.answer(request, now: Date().timeIntervalSince1970), isKeptAlive: head.isKeepAlive, context: context)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        next?.cancel()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private static func key(_ headers: HTTPHeaders) -> String? {
        if let key = headers.first(name: "x-api-key") ?? headers.first(name: "api-key") { return key }
        guard let field = headers.first(name: "authorization"), field.lowercased().hasPrefix("bearer ") else { return nil }
        return String(field.dropFirst("bearer ".count))
    }

    // MARK: Answering

    private func perform(_ response: SimulatedResponse, isKeptAlive: Bool, context: ChannelHandlerContext) {
        guard response.delay > 0 else { return begin(response, isKeptAlive: isKeptAlive, context: context) }
        schedule(after: response.delay, context: context) { [self] in
            begin(response, isKeptAlive: isKeptAlive, context: context)
        }
    }

    private func begin(_ response: SimulatedResponse, isKeptAlive: Bool, context: ChannelHandlerContext) {
        var headers = HTTPHeaders(response.headers.map { ($0.name, $0.value) })
        if !isKeptAlive { headers.replaceOrAdd(name: "connection", value: "close") }
        switch response.body {
        case .nothing: context.close(promise: nil)
        case .whole(let text, let length):
            headers.add(name: "content-length", value: String(length))
            write(.head(.init(version: .http1_1, status: .init(statusCode: response.status), headers: headers)), context)
            write(.body(.byteBuffer(context.channel.allocator.buffer(string: text))), context)
            end(response, isKeptAlive: isKeptAlive, context: context)
        case .frames(let frames):
            write(.head(.init(version: .http1_1, status: .init(statusCode: response.status), headers: headers)), context)
            send(frames[...], of: response, isKeptAlive: isKeptAlive, context: context)
        }
    }

    /// Sends up to the next event that has to wait for its turn, and comes back for the rest.
    private func send(
        _ frames: ArraySlice<SimulatedResponse.Frame>, of response: SimulatedResponse, isKeptAlive: Bool,
        context: ChannelHandlerContext
    ) {
        var rest = frames
        let pace = provider.options.wordsPerSecond
        while let frame = rest.popFirst() {
            write(.body(.byteBuffer(context.channel.allocator.buffer(string: frame.text))), context)
            guard pace > 0, rest.first?.isPaced == true else { continue }
            context.flush()
            let later = rest
            return schedule(after: 1 / pace, context: context) { [self] in
                send(later, of: response, isKeptAlive: isKeptAlive, context: context)
            }
        }
        end(response, isKeptAlive: isKeptAlive, context: context)
    }

    private func end(_ response: SimulatedResponse, isKeptAlive: Bool, context: ChannelHandlerContext) {
        guard !response.isCut else {
            // What was written goes out first; then the connection goes instead of the body's end.
            context.flush()
            context.close(promise: nil)
            return
        }
        let sent = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: sent)
        if !isKeptAlive { sent.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) } }
    }

    private func write(_ part: HTTPServerResponsePart, _ context: ChannelHandlerContext) {
        context.write(wrapOutboundOut(part), promise: nil)
    }

    private func schedule(after seconds: Double, context: ChannelHandlerContext, _ task: @escaping () -> Void) {
        next = context.eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(Int64(seconds * 1e9)), task)
    }
}
