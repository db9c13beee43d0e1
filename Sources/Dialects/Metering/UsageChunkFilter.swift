import Basics

/// Withholds the usage chunk that proxyd asked a chat upstream for and the client did not; every other byte passes as it is.
///
/// The chunk is the one with `"choices": []` and a `usage` object. An event that is cut is held back until it is whole, at most
/// 64 KiB of it: a longer one is no usage chunk.
///
/// The same machine redacts the `thoughtSignature` that some Anthropic-compatible servers put beside a call (conversion.md 9.3).
public struct UsageChunkFilter: Sendable {
    public enum Subject: Sendable {
        case usageChunk, thoughtSignatures
        /// Every event passes, and none in pieces.
        case nothing
    }

    /// Part of an event has gone out, and its end has not.
    public var isWithinEvent: Bool { isPassing }

    private let subject: Subject
    private static let maxHeld = 65_536

    private var held: [UInt8] = []
    /// The event in hand proved too long to be withheld: it passes until its blank line.
    private var isPassing = false
    /// The last byte of the event in hand, held or passed.
    private var lastByte: UInt8 = 0
    /// The last event ended in a CR at the end of the fed bytes: what becomes of an LF that follows.
    private var lineFeed = LineFeed.none

    private enum LineFeed { case none, passes, goes }

    public init(_ subject: Subject = .usageChunk) { self.subject = subject }

    /// Looks at the next bytes. True: they can go on just as they are, and nothing was appended to `out`. False: what may go on
    /// was appended to `out` (perhaps nothing).
    public mutating func consume(_ bytes: UnsafeRawBufferPointer, into out: inout [UInt8]) -> Bool {
        guard let base = bytes.baseAddress, !bytes.isEmpty else { return true }
        if held.isEmpty, !isPassing, lineFeed == .none, endsWithBlankLine(bytes), !mayConcern(base, bytes.count) {
            return true
        }
        var start = 0
        if lineFeed != .none, bytes[0] == 0x0A {
            if lineFeed == .passes { out.append(0x0A) }
            start = 1
        }
        lineFeed = .none
        while start < bytes.count {
            guard let end = eventEnd(bytes, from: start) else {
                keep(bytes.slice(start..<bytes.count), into: &out)
                return false
            }
            completeEvent(bytes.slice(start..<end), into: &out)
            start = end
        }
        return false
    }

    /// The stream ended: releases what was held, unless it is the usage chunk without its blank line.
    public mutating func finish(into out: inout [UInt8]) {
        let event = held
        held = []
        event.withUnsafeBytes { raw in
            if !isWithheld(raw) { append(raw, to: &out) }
        }
    }

    private func mayConcern(_ base: UnsafeRawPointer, _ count: Int) -> Bool {
        switch subject {
        case .usageChunk: mayHoldUsage(base, 0, count)
        case .thoughtSignatures: ThoughtSignature.stands(in: UnsafeRawBufferPointer(start: base, count: count))
        case .nothing: false
        }
    }

    private func isWithheld(_ event: UnsafeRawBufferPointer) -> Bool { subject == .usageChunk && Self.isUsageOnly(event) }

    private func append(_ event: UnsafeRawBufferPointer, to out: inout [UInt8]) {
        let start = out.count
        out.append(contentsOf: event)
        if subject == .thoughtSignatures { ThoughtSignature.redact(eventIn: &out, from: start) }
    }

    /// The event in hand ended with `rest`.
    private mutating func completeEvent(_ rest: UnsafeRawBufferPointer, into out: inout [UInt8]) {
        let endsInReturn = rest.last == 0x0D
        var isUsage = false
        if isPassing {
            isPassing = false
            out.append(contentsOf: rest)
        } else if held.isEmpty {
            isUsage = isWithheld(rest)
            if !isUsage { append(rest, to: &out) }
        } else {
            held.append(contentsOf: rest)
            isUsage = held.withUnsafeBytes { isWithheld($0) }
            if !isUsage { held.withUnsafeBytes { append($0, to: &out) } }
            held.removeAll(keepingCapacity: true)
        }
        lineFeed = !endsInReturn ? .none : isUsage ? .goes : .passes
    }

    private mutating func keep(_ rest: UnsafeRawBufferPointer, into out: inout [UInt8]) {
        lastByte = rest.last ?? lastByte
        lineFeed = .none
        if isPassing {
            out.append(contentsOf: rest)
            held.removeAll(keepingCapacity: true)
            return
        }
        held.append(contentsOf: rest)
        if held.count > Self.maxHeld {
            out.append(contentsOf: held)
            isPassing = true
            held.removeAll(keepingCapacity: false)
        }
    }

    /// Past the blank line that ends the event beginning (or going on) at `start`; nil when it does not end here.
    private func eventEnd(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        guard let base = bytes.baseAddress else { return nil }
        var index = start
        let isInside = !held.isEmpty || isPassing
        var isLineEmpty = !isInside || lastByte == 0x0A || lastByte == 0x0D
        if isInside, lastByte == 0x0D, index < bytes.count, bytes[index] == 0x0A {
            index &+= 1
        }
        // A blank line before any field is no event; it passes with what follows.
        var hasField = isInside
        while index < bytes.count {
            let lineEnd = ByteSearch.lineEnd(base, from: index, to: bytes.count)
            guard lineEnd < bytes.count else { return nil }
            if lineEnd > index { isLineEmpty = false }
            var next = lineEnd &+ 1
            if bytes[lineEnd] == 0x0D, next < bytes.count, bytes[next] == 0x0A { next &+= 1 }
            if isLineEmpty, hasField { return next }
            hasField = true
            isLineEmpty = true
            index = next
        }
        return nil
    }

    @inline(__always)
    private func endsWithBlankLine(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count >= 2, bytes[bytes.count - 1] == 0x0A else { return false }
        if bytes[bytes.count - 2] == 0x0A { return true }
        return bytes.count >= 4 && bytes[bytes.count - 2] == 0x0D && bytes[bytes.count - 3] == 0x0A
    }

    /// Whether `"usage"` with a value other than null is anywhere: nearly all events are let through by this look.
    private func mayHoldUsage(_ base: UnsafeRawPointer, _ start: Int, _ end: Int) -> Bool {
        var index = start
        while true {
            index = ByteSearch.quoted(base, from: index, to: end, 0x75, 0x75, 0x75)
            guard index < end else { return false }
            if ByteSearch.has("\"usage\"", base, at: index, to: end) {
                var after = index &+ 7
                while after < end {
                    let byte = base.load(fromByteOffset: after, as: UInt8.self)
                    guard byte <= 0x20 || byte == 0x3A else { break }
                    after &+= 1
                }
                if !ByteSearch.has("null", base, at: after, to: end) { return true }
            }
            index &+= 1
        }
    }

    /// Whether the event is the chunk that carries usage and nothing else.
    static func isUsageOnly(_ event: UnsafeRawBufferPointer) -> Bool {
        guard ByteSearch.contains("\"usage\"", in: event) else { return false }
        var isUsage = false
        var reader = SSEReader()
        let look: (SSEEvent) -> Void = { event in
            guard let choices = JSONScan.find("choices", of: event.data), choices.kind == .array,
                let usage = JSONScan.find("usage", of: event.data), usage.kind == .object
            else { return }
            var cursor = JSONCursor(event.data, in: choices.value)
            guard (try? cursor.open(.array)) != nil else { return }
            do throws(JSONScan.Problem) { isUsage = try cursor.nextElement() == nil } catch { return }
        }
        reader.consume(event, look)
        reader.finish(look)
        return isUsage
    }
}
