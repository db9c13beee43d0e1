import Foundation

/// The members of a drill's body; each refusal says what would have been right.
struct DrillMembers {
    private let members: [String: Any]

    /// So many headers may be made up.
    private static let maximumHeaders = 50

    init(_ members: [String: Any]) { self.members = members }

    func allow(_ known: [String]) throws(Prompt.Refusal) {
        guard let unknown = members.keys.sorted().first(where: { !known.contains($0) }) else { return }
        throw Prompt.Refusal(message: "'\(unknown)' is not known; there are \(known.joined(separator: ", "))")
    }

    func text(_ name: String) throws(Prompt.Refusal) -> String? {
        guard let value = members[name], !(value is NSNull) else { return nil }
        guard let text = value as? String, text.utf8.count <= 256 else {
            throw Prompt.Refusal(message: "\(name) is a text of at most 256 bytes")
        }
        return text
    }

    func number(_ name: String, in range: ClosedRange<Double>) throws(Prompt.Refusal) -> Double? {
        guard let value = members[name] else { return nil }
        guard let number = value as? Double, range.contains(number) else {
            throw Prompt.Refusal(message: "\(name) is a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func count(_ name: String, from least: Int) throws(Prompt.Refusal) -> Int? {
        guard let value = members[name] else { return nil }
        guard let count = value as? Int, (least...1_000_000).contains(count) else {
            throw Prompt.Refusal(message: "\(name) is a whole number from \(least)")
        }
        return count
    }

    /// Names and values that may stand in a head.
    func headers(_ name: String) throws(Prompt.Refusal) -> [SimulatedAllowance.Header]? {
        guard let value = members[name] else { return nil }
        guard let object = value as? [String: Any], object.count <= Self.maximumHeaders else {
            throw Prompt.Refusal(message: "\(name) is an object of at most \(Self.maximumHeaders) headers")
        }
        var headers: [SimulatedAllowance.Header] = []
        for (name, value) in object.sorted(by: { $0.key < $1.key }) {
            let isName =
                !name.isEmpty && name.utf8.allSatisfy { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") || Self.isWord($0) }
            guard isName, name.utf8.count <= 128, let text = value as? String, text.utf8.count <= 4096,
                text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F })
            else { throw Prompt.Refusal(message: "\(name) is no header with a text that may stand in a head") }
            headers.append(SimulatedAllowance.Header(name: name, value: text))
        }
        return headers
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
}
