import Basics
import Dialects
import NIOCore

/// A whole response that is too long to be held to its end: it goes out as it comes, and is judged by what is kept of it.
struct LongResponse {
    /// Where the client knows the length: how much of it is to come.
    var left: Int?
    /// The byte that waits until the response is judged: without it the client sees that it has no response.
    var lastByte: UInt8?
    /// The last byte that is no white space.
    var lastSolid: UInt8 = 0
    /// A copy, for the usage at its end.
    var kept: ByteBuffer?
    /// What there is where there was no room for a copy.
    private var ends: Ends?

    private struct Ends {
        /// What its beginning told of its usage.
        var usage: TokenUsage?
        var last: [UInt8] = []
        var byteCount = 0
        /// A coding hides what it tells.
        var isCompressed: Bool
    }

    /// How much has come of one of which no copy is kept.
    var passedBytes: Int? { ends?.byteCount }

    /// Keeps no copy from here on: what `beginning`, all that has come, tells by now, and its end.
    mutating func keepEnd(of beginning: UnsafeRawBufferPointer, isCompressed: Bool, _ dialect: ClientDialect) {
        kept = nil
        var ends = Ends(isCompressed: isCompressed)
        if !isCompressed { ends.usage = BodyMeter.usage(of: beginning, dialect: dialect) }
        self.ends = ends
        keepEnd(beginning)
    }

    private mutating func keepEnd(_ bytes: UnsafeRawBufferPointer) {
        ends?.byteCount &+= bytes.count
        guard ends?.isCompressed == false else { return }
        let kept = ends?.last.count ?? 0
        guard bytes.count < RelayLimits.keptEnd else {
            ends?.last = Array(bytes.suffix(RelayLimits.keptEnd))
            return
        }
        if kept + bytes.count > 2 * RelayLimits.keptEnd { ends?.last.removeFirst(kept + bytes.count - RelayLimits.keptEnd) }
        ends?.last.append(contentsOf: bytes)
    }

    /// What the response has told of its usage, of which no copy was kept.
    func told(_ dialect: ClientDialect) -> TokenUsage? {
        guard let ends else { return nil }
        return Self.usage(atEnd: ends.last, dialect) ?? ends.usage
    }

    /// The usage within the end of a document, behind a member that is longer than what is kept: the outermost object goes on with
    /// it to the document's end.
    private static func usage(atEnd end: [UInt8], _ dialect: ClientDialect) -> TokenUsage? {
        // Looked for in letters of either case.
        let key: StaticString = dialect == .gemini ? "\"usagemetadata\"" : "\"usage\""
        return end.withUnsafeBytes { bytes in
            var start = 0
            while let found = ByteSearch.firstIndex(of: key, in: bytes, from: start) {
                let document = [UInt8(ascii: "{")] + bytes[found...]
                let usage = document.withUnsafeBytes { document in
                    (try? JSONScan.validate(document)) == nil ? nil : BodyMeter.usage(of: document, dialect: dialect)
                }
                if let usage { return usage }
                start = found + key.utf8CodeUnitCount
            }
            return nil
        }
    }

    /// Notes the next piece. How much of it may go out.
    mutating func take(_ bytes: UnsafeRawBufferPointer) -> Int {
        if ends == nil { kept?.writeBytes(bytes) } else { keepEnd(bytes) }
        if let solid = bytes.last(where: { $0 > 0x20 }) { lastSolid = solid }
        return passes(bytes)
    }

    /// How much of a piece may go out.
    mutating func passes(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard let left else { return bytes.count }
        self.left = left - bytes.count
        guard left <= bytes.count, let last = bytes.last else { return bytes.count }
        lastByte = last
        return bytes.count - 1
    }
}
