import Basics
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
        var hash = HMAC<Crypto.SHA256>(key: SymmetricKey(data: Data(salt.utf8)))
        hash.update(data: Data(secret.utf8))
        return Hex.text(hash.finalize())
    }
}

/// A configuration file as it was read: its text, and where it has secrets.
public struct ReadText: Sendable {
    public let path: String
    public let text: String
    /// The values that may be secrets.
    private let nodes: [YAMLNode]

    init(path: String, text: String, nodes: [YAMLNode]) {
        self.path = path
        self.text = text
        self.nodes = nodes
    }

    /// The secrets themselves, as they are written: quotes and all.
    public var writtenSecrets: [String] {
        let scalars = Array(text.unicodeScalars)
        return Self.secrets(in: scalars, nodes, isWhole: true).map { Self.text(scalars[$0]) }
    }

    /// - Parameter isWhole: whether the file was right, so that all its secrets are known but those in comments and addresses.
    func kept(salt: String, sealKey: String?, isWhole: Bool) -> KeptText {
        let scalars = Array(text.unicodeScalars)
        let secrets = Self.secrets(in: scalars, nodes, isWhole: isWhole)
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
        var bytes: [UInt8] = []
        bytes.reserveCapacity(scalars.count)
        for scalar in scalars {
            if scalar.isASCII {
                bytes.append(UInt8(truncatingIfNeeded: scalar.value))
            } else if let encoded = UTF8.encode(scalar) {
                bytes.append(contentsOf: encoded)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The scalars of the secrets' values; of a line that looks as if it held another one, a comment's, all but its indentation.
    private static func secrets(in scalars: [Unicode.Scalar], _ nodes: [YAMLNode], isWhole: Bool) -> [Range<Int>] {
        let lines = lines(of: scalars)
        var hidden = [Bool](repeating: false, count: scalars.count)
        for node in nodes {
            let range = range(of: node, in: scalars, lines)
            for index in range { hidden[index] = true }
        }
        for line in lines {
            guard !isWhole || scalars[line].contains(where: { $0 == "#" || $0 == "@" || $0 == "?" }) else { continue }
            guard SecretLines.mayHoldSecret(shown(line, scalars, hidden)) else { continue }
            let first = scalars[line].firstIndex { !$0.isBlank } ?? line.upperBound
            for index in first..<line.upperBound { hidden[index] = true }
        }
        return runs(of: hidden)
    }

    /// The scalars of each line, without what ends it, as libyaml counts lines.
    private static func lines(of scalars: [Unicode.Scalar]) -> [Range<Int>] {
        var lines: [Range<Int>] = []
        var start = scalars.first == "\u{FEFF}" ? 1 : 0
        var index = start
        while index < scalars.count {
            let scalar = scalars[index]
            guard scalar == "\n" || scalar == "\r" || scalar == "\u{85}" || scalar == "\u{2028}" || scalar == "\u{2029}" else {
                index += 1
                continue
            }
            lines.append(start..<index)
            index += scalar == "\r" && index + 1 < scalars.count && scalars[index + 1] == "\n" ? 2 : 1
            start = index
        }
        lines.append(min(start, scalars.count)..<scalars.count)
        return lines
    }

    /// Where a value stands, quotes and all; the whole of its lines where it is not found there.
    private static func range(of node: YAMLNode, in scalars: [Unicode.Scalar], _ lines: [Range<Int>]) -> Range<Int> {
        func offset(_ place: SourceLocation) -> Int {
            guard lines.indices.contains(place.line - 1) else { return scalars.count }
            return min(lines[place.line - 1].lowerBound + max(0, place.column - 1), scalars.count)
        }
        let start = offset(node.start)
        var end = max(start, offset(node.end))
        while end > start, scalars[end - 1].isBlank { end -= 1 }
        guard case .scalar(let scalar) = node.content, scalar.style == .plain || scalar.style == .singleQuoted else {
            return start..<end
        }
        let word = scalar.text.unicodeScalars.prefix { !$0.isBlank && $0 != "'" }
        let found = scalars[start..<end].drop { $0 == "'" }
        if found.starts(with: word) { return start..<end }
        let first = lines.indices.contains(node.start.line - 1) ? lines[node.start.line - 1].lowerBound : 0
        let last = lines.indices.contains(node.end.line - 1) ? lines[node.end.line - 1].upperBound : scalars.count
        return min(first, start)..<max(last, end)
    }

    /// A line with a reference in the place of each value that is hidden already.
    private static func shown(_ line: Range<Int>, _ scalars: [Unicode.Scalar], _ hidden: [Bool]) -> String {
        var shown = String.UnicodeScalarView()
        for index in line {
            if !hidden[index] {
                shown.append(scalars[index])
            } else if index == line.lowerBound || !hidden[index - 1] {
                shown.append(contentsOf: "${X}".unicodeScalars)
            }
        }
        return String(shown)
    }

    private static func runs(of hidden: [Bool]) -> [Range<Int>] {
        var runs: [Range<Int>] = []
        var index = 0
        while index < hidden.count {
            let start = index
            while index < hidden.count, hidden[index] { index += 1 }
            if index > start { runs.append(start..<index) } else { index += 1 }
        }
        return runs
    }
}
