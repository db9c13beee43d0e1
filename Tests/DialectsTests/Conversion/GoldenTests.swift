import Testing

@testable import Dialects

@Suite("Golden conversions")
struct GoldenTests {
    @Test("requests, to every other format", arguments: Golden.sources("Requests", ending: "json"))
    func requests(_ source: Golden.Source) throws {
        let body = try source.contents()
        for target in Golden.dialects where target != source.dialect {
            try source.check(target, Self.converted(body, source.dialect, target).pretty)
        }
    }

    @Test("the same request converts to the same bytes", arguments: Golden.sources("Requests", ending: "json"))
    func deterministic(_ source: Golden.Source) throws {
        let body = try source.contents()
        for target in Golden.dialects where target != source.dialect {
            #expect(Self.converted(body, source.dialect, target) == Self.converted(body, source.dialect, target))
        }
    }

    static func converted(_ body: [UInt8], _ client: ClientDialect, _ upstream: ClientDialect) -> JSONValue {
        body.withUnsafeBytes { bytes in
            do throws(ConversionProblem) {
                let converted = try RequestConverter.convert(
                    body: bytes, from: client, to: UpstreamDialect(upstream), model: "target-model",
                    options: ConversionOptions(requestID: "req_1"))
                let value = (try? JSONValue(parsing: converted.body)) ?? "no JSON"
                return [
                    "path": .string(converted.pathSuffix), "lossy": .array(converted.lossy.map { .string($0.description) }),
                    "body": value,
                ]
            } catch {
                return [
                    "error": .string(error.errorClass.rawValue), "message": .string(error.message),
                    "param": error.param.map { .string($0) } ?? .null,
                ]
            }
        }
    }

    static func context(_ client: ClientDialect, _ upstream: ClientDialect) -> ConversionContext {
        var context = ConversionContext(
            client: client, upstream: UpstreamDialect(upstream), model: "asked-model", now: 1_700_000_000, requestID: "req_1")
        context.includesUsage = true
        return context
    }

    @Test("streamed answers, to every other format", arguments: Golden.sources("Answers", ending: "sse"))
    func streams(_ source: Golden.Source) throws {
        let stream = String(decoding: try source.contents(), as: UTF8.self)
        for target in Golden.dialects where target != source.dialect {
            let whole = Self.streamed(Cut.whole.pieces(of: stream), source.dialect, target)
            try source.check(target, whole)
            for cut in Cut.allCases {
                for seed in 1...(cut == .random || cut == .crRandom ? 2 : 1) {
                    let seen = Self.streamed(cut.pieces(of: stream, seed: UInt64(seed)), source.dialect, target)
                    #expect(seen == whole, "\(cut), seed \(seed), to \(target)")
                }
            }
        }
    }

    static func streamed(_ pieces: [[UInt8]], _ upstream: ClientDialect, _ client: ClientDialect) -> String {
        var converter = StreamConverter(context(client, upstream))
        var out: [UInt8] = []
        for piece in pieces { _ = piece.withUnsafeBytes { converter.consume($0, into: &out) } }
        _ = converter.finish(into: &out)
        return text(out)
    }

    @Test("whole answers, to every other format", arguments: Golden.sources("Answers", ending: "json"))
    func wholes(_ source: Golden.Source) throws {
        let body = try source.contents()
        for target in Golden.dialects where target != source.dialect {
            try source.check(target, Self.whole(body, source.dialect, target).pretty)
        }
    }

    static func whole(_ body: [UInt8], _ upstream: ClientDialect, _ client: ClientDialect) -> JSONValue {
        body.withUnsafeBytes { bytes in
            do throws(UpstreamError) {
                let response = try ResponseConverter.convertWhole(
                    bytes, context(client, upstream))
                return (try? JSONValue(parsing: response.body)) ?? "no JSON"
            } catch { return ["error": .string(error.errorClass.rawValue), "message": .string(error.message)] }
        }
    }

    @Test(
        "streamed equals whole: what the client reads from its stream is the whole answer",
        arguments: Golden.sources("Answers", ending: "sse"))
    func parity(_ source: Golden.Source) throws {
        let stream = try source.contents()
        for client in Golden.dialects where client != source.dialect {
            let context = Self.context(client, source.dialect)
            let whole = stream.withUnsafeBytes { bytes in
                try? ResponseConverter.fold(stream: bytes, context)
            }
            let converted = Array(Self.streamed([stream], source.dialect, client).utf8)
            // Read the client's stream as a client would, and fold it in the client's own format.
            var reading = ConversionContext(client: client, upstream: UpstreamDialect(client), now: context.now)
            reading.includesUsage = true
            let read = converted.withUnsafeBytes { bytes in
                try? ResponseConverter.fold(stream: bytes, reading)
            }
            #expect((whole == nil) == (read == nil), "to \(client)")
            guard let whole, let read else { continue }
            #expect(Self.comparable(whole.body) == Self.comparable(read.body), "to \(client)")
            // Gemini has no count for cache writes, so only the sums can be compared there; no usage is shown as zeros.
            let (known, seen) = ((whole.usage ?? TokenUsage()).settled, (read.usage ?? TokenUsage()).settled)
            #expect(known.input == seen.input && known.output == seen.output && known.cacheRead == seen.cacheRead, "to \(client)")
            if client != .gemini { #expect(known == seen, "to \(client)") }
        }
    }

    @Test(
        "a whole answer as a stream says what the whole answer says",
        arguments: Golden.sources("Answers", ending: "json"))
    func parityOfWholes(_ source: Golden.Source) throws {
        let body = try source.contents()
        for client in Golden.dialects where client != source.dialect {
            let context = Self.context(client, source.dialect)
            let whole = body.withUnsafeBytes { bytes in
                try? ResponseConverter.convertWhole(bytes, context)
            }
            var converter = StreamConverter(context)
            var stream: [UInt8] = []
            _ = body.withUnsafeBytes { converter.consumeWhole($0, into: &stream) }
            let reading = ConversionContext(client: client, upstream: UpstreamDialect(client), now: context.now)
            let read = stream.withUnsafeBytes { bytes in
                try? ResponseConverter.fold(stream: bytes, reading)
            }
            #expect((whole == nil) == (read == nil), "to \(client)")
            guard let whole, let read else { continue }
            #expect(Self.comparable(whole.body) == Self.comparable(read.body), "to \(client)")
        }
    }

    /// A whole response without what no two readings share: ids, and signatures that were put in another envelope.
    static func comparable(_ body: [UInt8]) -> String {
        func cleaned(_ value: JSONValue) -> JSONValue {
            switch value {
            case .object(let object):
                let hidden: Set<String> = [
                    "id", "signature", "encrypted_content", "thoughtSignature", "thought_signature", "extra_content",
                    "responseId", "data",
                ]
                return .object(
                    JSONObject(
                        object.members.filter { !hidden.contains($0.key) }.map { .init(key: $0.key, value: cleaned($0.value)) }))
            case .array(let items):
                // A thought without words only carries a signature.
                return .array(items.map(cleaned).filter { $0["thinking"]?.isEmptyText != true })
            case .null, .bool, .number, .string, .unpaired: return value
            }
        }
        return (try? JSONValue(parsing: body)).map(cleaned)?.pretty ?? "no JSON"
    }
}
