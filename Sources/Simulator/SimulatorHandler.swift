import Foundation
import HTTP1
import NIOCore

/// One connection of the pretended provider: collects a request, sends the response at its pace.
final class SimulatorHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let provider: Provider
    private var reader: RequestReader
    /// Requests that come before the response to another is out wait for it.
    private var isAnswering = false
    private var next: Scheduled<Void>?

    init(provider: Provider) {
        self.provider = provider
        reader = RequestReader(most: provider.options.maximumBody)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        reader.append(&bytes)
        if reader.isFlooded { return context.close(promise: nil) }
        answerNext(context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        next?.cancel()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func answerNext(_ context: ChannelHandlerContext) {
        guard !isAnswering else { return }
        let outcome = reader.next {
            write("HTTP/1.1 100 Continue\r\n\r\n", context)
            context.flush()
        }
        switch outcome {
        case .incomplete: return
        case .refused(let status, let message):
            isAnswering = true
            let response = SimulatedResponse.json(WireFormat.messages.error(status, message), status: status)
            begin(Answer(response: response, isKeptAlive: false, minorVersion: 1), context)
        case .complete(let incoming):
            isAnswering = true
            let answer = Answer(
                response: provider.answer(incoming.request, now: Date().timeIntervalSince1970), isKeptAlive: incoming.isKeptAlive,
                minorVersion: incoming.minorVersion)
            guard answer.response.delay > 0 else { return begin(answer, context) }
            schedule(after: answer.response.delay, context) { [self] in begin(answer, context) }
        }
    }

    // MARK: Answering

    /// A response, and what the request says of how it goes out.
    private struct Answer {
        var response: SimulatedResponse
        var isKeptAlive: Bool
        var minorVersion: UInt8

        /// A body without a length is chunked, or ends with the connection.
        var isChunked: Bool { minorVersion > 0 }

        func head(_ more: (name: String, value: String)...) -> String {
            var fields = FieldBlock((response.headers + more).map { HeaderLine(name: $0.name, value: $0.value) })
            if !isKeptAlive {
                fields.add("connection", "close")
            } else if minorVersion == 0 {
                fields.add("connection", "keep-alive")
            }
            return "HTTP/1.1 \(response.status) \(StatusText.reason(response.status))\r\n"
                + String(decoding: fields.bytes, as: UTF8.self) + "\r\n"
        }
    }

    private func begin(_ answer: Answer, _ context: ChannelHandlerContext) {
        switch answer.response.body {
        case .nothing: context.close(promise: nil)
        case .whole(let text, let length):
            write(answer.head(("content-length", String(length))), context)
            write(text, context)
            end(answer, context)
        case .frames(let frames):
            var answer = answer
            answer.isKeptAlive = answer.isKeptAlive && answer.isChunked
            write(answer.isChunked ? answer.head(("transfer-encoding", "chunked")) : answer.head(), context)
            send(frames[...], of: answer, context)
        }
    }

    /// Sends up to the next event that has to wait for its turn, and comes back for the rest.
    private func send(_ frames: ArraySlice<SimulatedResponse.Frame>, of answer: Answer, _ context: ChannelHandlerContext) {
        var rest = frames
        let pace = provider.options.wordsPerSecond
        while let frame = rest.popFirst() {
            // A chunk of no bytes would be the last.
            if answer.isChunked, !frame.text.isEmpty {
                write("\(String(frame.text.utf8.count, radix: 16))\r\n\(frame.text)\r\n", context)
            } else {
                write(frame.text, context)
            }
            guard pace > 0, rest.first?.isPaced == true else { continue }
            context.flush()
            let later = rest
            return schedule(after: 1 / pace, context) { [self] in send(later, of: answer, context) }
        }
        if answer.isChunked, !answer.response.isCut { write("0\r\n\r\n", context) }
        end(answer, context)
    }

    private func end(_ answer: Answer, _ context: ChannelHandlerContext) {
        guard !answer.response.isCut, answer.isKeptAlive else {
            // What was written goes out first; where the response is cut, the connection goes instead of the body's end.
            return context.writeAndFlush(wrapOutboundOut(ByteBuffer())).assumeIsolated().whenComplete { _ in
                context.close(promise: nil)
            }
        }
        context.flush()
        isAnswering = false
        answerNext(context)
    }

    private func write(_ text: String, _ context: ChannelHandlerContext) {
        context.write(wrapOutboundOut(context.channel.allocator.buffer(string: text)), promise: nil)
    }

    private func schedule(after seconds: Double, _ context: ChannelHandlerContext, _ task: @escaping () -> Void) {
        next = context.eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(Int64(seconds * 1e9)), task)
    }
}
