import NIOCore
import NIOEmbedded

@testable import ProxyCore

#if canImport(Glibc)
import Glibc
#endif

/// A connection without a socket: what the other side sends arrives when it is read, what is written leaves when it is flushed.
///
/// A channel of its own and not NIO's embedded one, because handlers that are alone in their pipeline talk to the channel directly:
/// so reads are counted, sides close one by one, and the kernel may take nothing for a while, or never again.
final class WireChannel: Channel, ChannelCore {
    private enum Arrival {
        case bytes(ByteBuffer)
        case end
    }

    private struct State {
        var pipeline: ChannelPipeline?
        var arriving: [Arrival] = []
        var isReadAsked = false
        var isDelivering = false
        var reads = 0
        var pending: [(bytes: ByteBuffer, promise: EventLoopPromise<Void>?)] = []
        var flushed = 0
        var sent: [UInt8] = []
        var isOpen = true
        var isActive = false
        var isWritable = true
        var isOutputClosed = false
        var isStuck = false
        var breaksOnWrite = false
    }

    private let state: NIOLoopBoundBox<State>
    private let loop: EmbeddedEventLoop
    private let closed: EventLoopPromise<Void>
    /// Whether the other side may close its half alone: clients may, upstreams not.
    private let allowsHalfClosure: Bool

    init(_ loop: EmbeddedEventLoop, allowsHalfClosure: Bool) {
        self.loop = loop
        self.allowsHalfClosure = allowsHalfClosure
        state = NIOLoopBoundBox(State(), eventLoop: loop)
        closed = loop.makePromise()
        state.value.pipeline = ChannelPipeline(channel: self)
    }

    func activate() {
        state.value.isActive = true
        pipeline.syncOperations.fireChannelActive()
    }

    // MARK: The other side

    /// The other side sends something, in pieces of `step` bytes.
    func send(_ text: String, step: Int = .max) {
        let bytes = Array(text.utf8)
        var start = 0
        while start < bytes.count {
            let end = step < bytes.count - start ? start + step : bytes.count
            state.value.arriving.append(.bytes(ByteBuffer(bytes: bytes[start..<end])))
            start = end
        }
        deliver()
    }

    /// The other side closes: its half, where that is allowed.
    func sendEnd() {
        state.value.arriving.append(.end)
        deliver()
    }

    /// The other side resets the connection.
    func reset() {
        pipeline.syncOperations.fireErrorCaught(IOError(errnoCode: ECONNRESET, reason: "read"))
        close0(error: ChannelError.eof, mode: .all, promise: nil)
    }

    /// What has left since the last call.
    func take() -> [UInt8] {
        defer { state.value.sent = [] }
        return state.value.sent
    }

    /// What the kernel has not taken: how large the buffers are in which it lies.
    var waiting: [Int] { state.value.pending.map(\.bytes.capacity) }

    /// How often was it read.
    var reads: Int { state.value.reads }
    /// What was sent and not read.
    var unread: Int { state.value.arriving.count }
    /// Nothing more leaves.
    var isOutputClosed: Bool { state.value.isOutputClosed || !isActive }

    /// Whether the kernel takes what is flushed; while it does not, the channel may or may not call itself writable.
    func takes(_ isTaking: Bool, isWritable: Bool? = nil) {
        state.value.isStuck = !isTaking
        drain()
        setWritable(isWritable ?? isTaking)
    }

    func setWritable(_ isWritable: Bool) {
        guard state.value.isWritable != isWritable else { return }
        state.value.isWritable = isWritable
        pipeline.syncOperations.fireChannelWritabilityChanged()
    }

    /// The next flush finds that the other side is gone.
    func breakOnWrite() { state.value.breaksOnWrite = true }

    /// One piece for each read that was asked for.
    private func deliver() {
        guard !state.value.isDelivering else { return }
        state.value.isDelivering = true
        defer { state.value.isDelivering = false }
        while isActive, state.value.isReadAsked, !state.value.arriving.isEmpty {
            state.value.isReadAsked = false
            let pipeline = pipeline.syncOperations
            switch state.value.arriving.removeFirst() {
            case .bytes(let bytes): pipeline.fireChannelRead(NIOAny(bytes))
            case .end where allowsHalfClosure: pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
            case .end: close0(error: ChannelError.eof, mode: .all, promise: nil)
            }
            if isActive { pipeline.fireChannelReadComplete() }
        }
    }

    // MARK: Channel

    let allocator = ByteBufferAllocator()
    var eventLoop: any EventLoop { loop }
    var closeFuture: EventLoopFuture<Void> { closed.futureResult }
    var isActive: Bool { state.value.isActive }
    var isWritable: Bool { state.value.isWritable }
    var localAddress: SocketAddress? { try? SocketAddress(ipAddress: "127.0.0.1", port: 80) }
    var remoteAddress: SocketAddress? { try? SocketAddress(ipAddress: "127.0.0.1", port: 50_000) }
    var parent: (any Channel)? { nil }
    var _channelCore: any ChannelCore { self }
    var syncOptions: (any NIOSynchronousChannelOptions)? { Options(channel: self) }

    var pipeline: ChannelPipeline {
        guard let pipeline = state.value.pipeline else { preconditionFailure("a channel has its pipeline from the start") }
        return pipeline
    }

    func setOption<Option: ChannelOption>(_ option: Option, value: Option.Value) -> EventLoopFuture<Void> {
        loop.makeSucceededVoidFuture()
    }

    func getOption<Option: ChannelOption>(_ option: Option) -> EventLoopFuture<Option.Value> {
        loop.makeCompletedFuture { try Options(channel: self).getOption(option) }
    }

    private struct Options: NIOSynchronousChannelOptions {
        let channel: WireChannel

        func setOption<Option: ChannelOption>(_ option: Option, value: Option.Value) throws {}

        func getOption<Option: ChannelOption>(_ option: Option) throws -> Option.Value {
            let waiting = channel.state.value.pending.reduce(0) { $0 + $1.bytes.readableBytes }
            guard option is ChannelOptions.Types.BufferedWritableBytesOption, let value = waiting as? Option.Value else {
                throw ChannelError.operationUnsupported
            }
            return value
        }
    }

    // MARK: Channel core

    func localAddress0() throws -> SocketAddress { throw ChannelError.operationUnsupported }
    func remoteAddress0() throws -> SocketAddress { throw ChannelError.operationUnsupported }
    func register0(promise: EventLoopPromise<Void>?) { promise?.succeed() }
    func registerAlreadyConfigured0(promise: EventLoopPromise<Void>?) { promise?.succeed() }
    func bind0(to: SocketAddress, promise: EventLoopPromise<Void>?) { promise?.succeed() }
    func connect0(to: SocketAddress, promise: EventLoopPromise<Void>?) { promise?.succeed() }
    func channelRead0(_ data: NIOAny) {}
    func errorCaught0(error: any Error) {}

    func triggerUserOutboundEvent0(_ event: Any, promise: EventLoopPromise<Void>?) {
        promise?.fail(ChannelError.operationUnsupported)
    }

    func read0() {
        state.value.reads += 1
        state.value.isReadAsked = true
        guard !state.value.arriving.isEmpty else { return }
        // As the kernel's word comes with the loop's next turn.
        loop.assumeIsolated().execute { [self] in deliver() }
    }

    func write0(_ data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard isActive, !state.value.isOutputClosed else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        state.value.pending.append((unwrapData(data), promise))
    }

    func flush0() {
        state.value.flushed = state.value.pending.count
        if state.value.breaksOnWrite, state.value.flushed > 0 {
            close0(error: IOError(errnoCode: EPIPE, reason: "write"), mode: .all, promise: nil)
        }
        drain()
    }

    private func drain() {
        while !state.value.isStuck, state.value.flushed > 0 {
            state.value.flushed -= 1
            let next = state.value.pending.removeFirst()
            state.value.sent.append(contentsOf: next.bytes.readableBytesView)
            next.promise?.succeed()
        }
    }

    func close0(error: any Error, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard state.value.isOpen else {
            promise?.fail(ChannelError.alreadyClosed)
            return
        }
        guard mode == .all else {
            state.value.isOutputClosed = true
            promise?.succeed()
            return
        }
        state.value.isOpen = false
        state.value.isActive = false
        let unwritten = state.value.pending
        (state.value.pending, state.value.flushed) = ([], 0)
        for write in unwritten { write.promise?.fail(error) }
        promise?.succeed()
        pipeline.syncOperations.fireChannelInactive()
        loop.assumeIsolated().execute { [self] in
            removeHandlers(pipeline: pipeline)
            closed.succeed()
        }
    }
}
