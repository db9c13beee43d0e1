/// Cuts a stream into lines, in the memory of its longest line or of the limit.
public struct LineCutter: Sendable {
    public enum Line: Sendable, Hashable {
        /// A line without its newline.
        case whole([UInt8])
        /// It was longer than the limit, and what it held is gone.
        case tooLong
    }

    private let limit: Int
    private var rest: [UInt8] = []
    private var isTooLong = false

    public init(limit: Int) { self.limit = limit }

    /// The lines that are complete now.
    public mutating func feed(_ bytes: some Collection<UInt8>) -> [Line] {
        var lines: [Line] = []
        var bytes = bytes[...]
        while let end = bytes.firstIndex(of: UInt8(ascii: "\n")) {
            keep(bytes[..<end])
            lines.append(take())
            bytes = bytes[bytes.index(after: end)...]
        }
        keep(bytes)
        return lines
    }

    /// What is left at the end of the stream; nil when its last line was ended.
    public mutating func finish() -> Line? {
        isTooLong || !rest.isEmpty ? take() : nil
    }

    private mutating func keep(_ bytes: some Collection<UInt8>) {
        guard !isTooLong, rest.count + bytes.count <= limit else {
            isTooLong = true
            rest = []
            return
        }
        rest.append(contentsOf: bytes)
    }

    private mutating func take() -> Line {
        defer {
            rest = []
            isTooLong = false
        }
        if isTooLong { return .tooLong }
        if rest.last == UInt8(ascii: "\r") { rest.removeLast() }
        return .whole(rest)
    }
}
