/// A pattern over paths: `*` takes what is between two slashes, `**` any run of characters, everything else itself.
///
/// `/**` at the end takes the path before it as well: `/v1/files/**` is the collection and all that is in it.
public struct PathGlob: Sendable, Hashable {
    public let text: String
    private let pieces: [Piece]
    /// What is before the first star: most paths fit no further.
    private let head: [UInt8]
    /// What is before `/**` in a pattern that ends with it.
    private let bare: String?

    private enum Piece: Sendable, Hashable {
        case byte(UInt8)
        case segment
        case anything
    }

    public init(_ text: String) {
        self.text = text
        var pieces: [Piece] = []
        for byte in text.utf8 {
            switch (byte, pieces.last) {
            case (star, .segment): pieces[pieces.count - 1] = .anything
            case (star, .anything): break
            case (star, _): pieces.append(.segment)
            default: pieces.append(.byte(byte))
            }
        }
        self.pieces = pieces
        head = Array(text.utf8.prefix { $0 != star })
        bare = text.hasSuffix("/**") ? String(text.dropLast(3)) : nil
    }

    /// Time is at most the product of both lengths.
    public func matches(_ path: String) -> Bool {
        if let bare, sameBytes(bare, path) { return true }
        return withBytes(of: path) { path in
            guard path.starts(with: head) else { return false }
            // Which beginnings of the pattern fit what was read of the path.
            var fits = closure([0])
            for byte in path {
                var next: Set<Int> = []
                for at in fits where at < pieces.count {
                    switch pieces[at] {
                    case .byte(let wanted): if wanted == byte { next.insert(at + 1) }
                    case .segment: if byte != slash { next.insert(at) }
                    case .anything: next.insert(at)
                    }
                }
                fits = closure(next)
                if fits.isEmpty { return false }
            }
            return fits.contains(pieces.count)
        }
    }

    /// Stars may also take nothing.
    private func closure(_ positions: Set<Int>) -> Set<Int> {
        var all = positions
        for position in positions {
            var at = position
            while at < pieces.count, pieces[at] == .segment || pieces[at] == .anything {
                at += 1
                all.insert(at)
            }
        }
        return all
    }
}

private let star = UInt8(ascii: "*")
private let slash = UInt8(ascii: "/")
