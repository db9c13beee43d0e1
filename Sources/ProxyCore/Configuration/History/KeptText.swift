import Crypto
import Foundation

/// The text of one file of a version, its literal secrets apart from the rest.
public struct KeptText: Sendable, Hashable {
    public var path: String
    /// What may be shown, and between it the secrets by their places in `secrets`.
    var parts: [Part]
    /// Digests of the secrets.
    var secrets: [String]
    /// All of the text, sealed; nil where there was no key, or nothing to hide.
    var sealed: String?

    enum Part: Sendable, Hashable {
        case text(String)
        case secret(Int)
    }

    /// The text with `<redacted>` in the place of every secret.
    public var masked: String {
        parts.reduce(into: "") { text, part in
            switch part {
            case .text(let plain): text += plain
            case .secret: text += "<redacted>"
            }
        }
    }

    /// Where the text has secrets: `proxy.yaml:12`.
    var secretPlaces: [(digest: String, place: String)] {
        var line = 1
        var places: [(digest: String, place: String)] = []
        for part in parts {
            switch part {
            case .text(let plain): line += plain.unicodeScalars.count { $0 == "\n" }
            case .secret(let index):
                if secrets.indices.contains(index) { places.append((secrets[index], "\(path):\(line)")) }
            }
        }
        return places
    }

    /// The text as it was.
    /// - Parameter known: secrets by their digests.
    /// - Returns: nil where one of them is not known.
    func text(known: [String: String]) -> String? {
        var text = ""
        for part in parts {
            switch part {
            case .text(let plain): text += plain
            case .secret(let index):
                guard secrets.indices.contains(index), let secret = known[secrets[index]] else { return nil }
                text += secret
            }
        }
        return text
    }

    /// What tells a secret again and does not tell it. The salt is a history's own.
    static func digest(_ secret: String, salt: String) -> String {
        var hash = HMAC<SHA256>(key: SymmetricKey(data: Data(salt.utf8)))
        hash.update(data: Data(secret.utf8))
        return hash.finalize().map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    }
}

/// A configuration file as it was read: its text, and where it has secrets.
public struct ReadText: Sendable {
    public let path: String
    public let text: String
    /// Ranges of the text's unicode scalars, in order.
    let secrets: [Range<Int>]

    init(path: String, text: String, nodes: [YAMLNode]) {
        self.path = path
        self.text = text
        secrets = Self.ranges(in: text, nodes)
    }

    /// The secrets themselves, as they are written: quotes and all.
    public var writtenSecrets: [String] {
        let scalars = Array(text.unicodeScalars)
        return secrets.map { Self.text(scalars[$0]) }
    }

    func kept(salt: String, sealKey: String?) -> KeptText {
        let scalars = Array(text.unicodeScalars)
        var parts: [KeptText.Part] = []
        var digests: [String] = []
        var end = 0
        for range in secrets {
            parts.append(.text(Self.text(scalars[end..<range.lowerBound])))
            parts.append(.secret(digests.count))
            digests.append(KeptText.digest(Self.text(scalars[range]), salt: salt))
            end = range.upperBound
        }
        parts.append(.text(Self.text(scalars[end...])))
        let sealed = secrets.isEmpty ? nil : sealKey.flatMap { try? Seal.seal(text, key: $0) }
        return KeptText(path: path, parts: parts, secrets: digests, sealed: sealed)
    }

    private static func text(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }

    /// The scalars of the secrets' values; of a line that looks as if it held another one, a comment's, all but its indentation.
    private static func ranges(in text: String, _ nodes: [YAMLNode]) -> [Range<Int>] {
        let scalars = Array(text.unicodeScalars)
        var starts = [0]
        for (index, scalar) in scalars.enumerated() where scalar == "\n" { starts.append(index + 1) }
        func offset(_ place: SourceLocation) -> Int {
            guard starts.indices.contains(place.line - 1) else { return scalars.count }
            let mark = place.line == 1 && scalars.first == "\u{FEFF}" ? 1 : 0
            return min(starts[place.line - 1] + max(0, place.column - 1) + mark, scalars.count)
        }
        var hidden = [Bool](repeating: false, count: scalars.count)
        for node in nodes {
            let start = offset(node.start)
            var end = max(start, offset(node.end))
            while end > start, scalars[end - 1].properties.isWhitespace { end -= 1 }
            for index in start..<end { hidden[index] = true }
        }
        for (line, start) in starts.enumerated() {
            let end = line + 1 < starts.count ? starts[line + 1] - 1 : scalars.count
            guard start < end else { continue }
            let shown = (start..<end).reduce(into: String.UnicodeScalarView()) { $0.append(hidden[$1] ? "*" : scalars[$1]) }
            let isPlain = !(start..<end).contains { hidden[$0] }
            guard isPlain, SecretLines.mayHoldSecret(String(shown)) else { continue }
            let first = scalars[start..<end].firstIndex { !$0.properties.isWhitespace } ?? end
            for index in first..<end where scalars[index] != "\r" { hidden[index] = true }
        }
        var ranges: [Range<Int>] = []
        var index = 0
        while index < hidden.count {
            guard hidden[index] else {
                index += 1
                continue
            }
            let start = index
            while index < hidden.count, hidden[index] { index += 1 }
            ranges.append(start..<index)
        }
        return ranges
    }
}
