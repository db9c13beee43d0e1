import Foundation

/// A new key in the place of an old one: while both are in the environment, what either sealed opens.
extension Seal {
    /// The environment variable that holds the key that is on its way out.
    public static let oldKeyVariable = "PROXYD_SEAL_KEY_OLD"

    /// Opens `v1:…` with the key of the environment, or with the one before.
    public static func open(_ sealed: String, environment: [String: String]) throws(Failure) -> Secret {
        let keys = [environment[keyVariable], environment[oldKeyVariable]].compactMap { $0 }.filter { !$0.isEmpty }
        guard let key = keys.first else { throw .badKey }
        do throws(Failure) {
            return try open(sealed, key: key)
        } catch {
            guard keys.count > 1, case .doesNotOpen = error else { throw error }
            return try open(sealed, key: keys[1])
        }
    }

    /// Why a text could not be sealed anew, and what of it: a line, counted from 1.
    public struct ResealFailure: Error, CustomStringConvertible {
        public let line: Int
        public let failure: Failure

        public var description: String { "line \(line): \(failure)" }
    }

    /// Seals every `${sealed:…}` of a text with another key. What the new key opens already stays as it is.
    ///
    /// - Returns: the text, and how many were sealed anew.
    public static func reseal(
        _ text: String, from old: String, to new: String
    ) throws(ResealFailure) -> (text: String, count: Int) {
        var (result, count, line) = ("", 0, 1)
        var rest = text[...]
        while let start = rest.range(of: "${sealed:") {
            let before = rest[..<start.lowerBound]
            result += before
            line += before.count { $0.isNewline }
            // Two dollars are one that is no beginning of a reference.
            let dollars = before.reversed().prefix { $0 == "$" }.count
            let tail = rest[start.upperBound...]
            guard dollars.isMultiple(of: 2), let end = tail.firstIndex(of: "}") else {
                result += rest[start]
                rest = tail
                continue
            }
            let sealed = String(tail[..<end])
            do throws(Failure) {
                let fresh = try resealed(sealed, old, new)
                if fresh != sealed { count += 1 }
                result += "${sealed:\(fresh)}"
            } catch {
                throw ResealFailure(line: line, failure: error)
            }
            rest = tail[tail.index(after: end)...]
        }
        return (result + rest, count)
    }

    private static func resealed(_ sealed: String, _ old: String, _ new: String) throws(Failure) -> String {
        do throws(Failure) {
            _ = try open(sealed, key: new)
            return sealed
        } catch {
            guard case .doesNotOpen = error else { throw error }
        }
        return try seal(try open(sealed, key: old).reveal(), key: new)
    }
}
