import Dialects
import ProxyCore

/// Backup and verification of a running proxyd.
extension AdminClient {
    /// Fetches a copy of keys, usage and the audit log, piece by piece.
    ///
    /// - Parameter take: keeps a piece.
    /// - Returns: bytes.
    /// - Throws: `RemoteFailure`, and what `take` throws.
    public func backUp(_ take: ([UInt8]) throws -> Void) async throws -> Int {
        let begun = try await json("POST", ["backup"])
        guard let id = begun["id"]?.string, let total = begun["bytes"]?.int else {
            throw RemoteFailure.failed("\(url) does not say what to fetch")
        }
        do {
            var offset = 0
            while offset < total {
                let piece = try await bytes("GET", ["backup", id], query: [("offset", String(offset))])
                guard !piece.isEmpty, piece.count <= total - offset else {
                    throw RemoteFailure.failed("the copy at \(url) is not as long as it was said to be")
                }
                try take(piece)
                offset += piece.count
            }
        } catch {
            _ = try? await json("DELETE", ["backup", id])
            throw error
        }
        _ = try? await json("DELETE", ["backup", id])
        return total
    }

    public func verify() async throws -> LedgerReport {
        guard let report = LedgerReport(try await json("GET", ["ledger", "verify"])) else {
            throw RemoteFailure.failed("\(url) does not answer as proxyd does")
        }
        return report
    }
}
