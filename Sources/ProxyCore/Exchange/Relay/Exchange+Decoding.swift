import Dialects
import NIOCore

/// Answers that come compressed.
extension Exchange {
    /// From here on the body is what its coding held.
    func takeCodingOff() {
        relay.inflater = relay.coding.makeInflater()
        relay.takesCodingOff = relay.inflater != nil
        guard relay.takesCodingOff else { return }
        relay.coding = .none
        // The length was that of the coded body.
        if case .length = relay.framing { relay.framing = .chunked }
    }

    /// A body that ended before its coding did is cut off, whatever its framing says. Whether that was dealt with.
    func failUndecoded() -> Bool {
        switch relay.mode {
        case .holding, .gating: attemptFailed(.noAnswer, hasReceived: true)
        case .passing: cut(.truncated)
        case .none, .judging, .ended: return false
        }
        return true
    }

    /// Whether the client named the codings of its answer, which cannot be read here, as ones that it takes.
    func asksForCoding() -> Bool {
        let accepted = connection.headBytes.withUnsafeReadableBytes { bytes in
            connection.head.fields.filter { $0.known == .acceptEncoding }.flatMap {
                $0.value.string(in: bytes).lowercased().split(separator: ",").map(Self.accepted)
            }
        }
        return relay.codingName.lowercased().split(separator: ",").map(Self.trimmed).allSatisfy { name in
            name.isEmpty || name == "identity" || accepted.contains(name)
        }
    }

    /// The coding that an element of `accept-encoding` takes; empty for one that it refuses.
    private static func accepted(_ element: Substring) -> String {
        let parts = element.split(separator: ";", omittingEmptySubsequences: false).map(trimmed)
        let isRefused = parts.dropFirst().contains { part in
            part.hasPrefix("q=") && part.dropFirst(2).allSatisfy { $0 == "0" || $0 == "." }
        }
        return isRefused ? "" : parts.first ?? ""
    }

    private static func trimmed(_ text: Substring) -> String { text.filter { $0 != " " && $0 != "\t" } }
}

extension ContentCoding {
    /// What `bytes` hold, up to `limit`, and whether that is all of it; nothing of what cannot be read.
    func decoded(_ bytes: UnsafeRawBufferPointer, limit: Int) -> (bytes: ByteBuffer, isWhole: Bool) {
        var decoded = ByteBuffer()
        guard let inflater = makeInflater() else { return (decoded, false) }
        do throws(InflateFailure) {
            try inflater.inflate(bytes, limit: limit) { decoded.writeBytes($0) }
        } catch {
            return (error == .tooLarge ? decoded : ByteBuffer(), false)
        }
        return (decoded, inflater.isComplete)
    }
}
