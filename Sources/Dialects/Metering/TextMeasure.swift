import Basics

/// How much of a response's JSON is what a model wrote: texts, thoughts, calls' names and arguments, in bytes as they stand.
enum TextMeasure {
    /// About so many bytes make a token.
    static let bytesPerToken = 4

    private static let keys: [StaticString] = [
        "text", "content", "delta", "arguments", "partial_json", "thinking", "reasoning_content", "reasoning", "refusal", "name",
        "input", "stringValue", "summary",
    ]

    /// Counts in `bytes`, whole or cut: a scan by quotes and brackets, once from front to back.
    static func bytes(of bytes: UnsafeRawBufferPointer) -> Int {
        guard let base = bytes.baseAddress else { return 0 }
        var index = 0
        var total = 0
        var depth = 0
        // How deep the arguments are that are an object: everything in them counts.
        var argumentsDepth = Int.max
        var isText = false
        while true {
            index = ByteSearch.structure(base, from: index, to: bytes.count)
            guard index < bytes.count else { return total }
            let byte = bytes[index]
            index &+= 1
            switch byte {
            case 0x22:
                let start = index
                index = JSONSkim.stringEnd(base, from: start, to: bytes.count)
                let text = bytes.slice(start..<index)
                index = Swift.min(index &+ 1, bytes.count)
                if depth > argumentsDepth {
                    total &+= text.count
                } else if let value = valueStart(bytes, index) {
                    isText = keys.contains { text.equals($0) }
                    let isArguments = text.equals("args") || text.equals("input")
                    if isArguments, value < bytes.count, bytes[value] == 0x7B { argumentsDepth = depth }
                } else if isText {
                    total &+= text.count
                    isText = false
                }
            case 0x7B, 0x5B:
                depth &+= 1
                isText = false
            default:
                depth &-= 1
                if depth <= argumentsDepth { argumentsDepth = .max }
            }
        }
    }

    /// Where the value begins that follows the key whose closing quote is before `index`; nil when none does.
    private static func valueStart(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> Int? {
        var index = index
        while index < bytes.count, bytes[index] <= 0x20 { index &+= 1 }
        guard index < bytes.count, bytes[index] == 0x3A else { return nil }
        index &+= 1
        while index < bytes.count, bytes[index] <= 0x20 { index &+= 1 }
        return index
    }
}

/// Counts what the events of a stream carry, nearly for nothing: the events of one stream have all but their text in common, so that
/// one which is measured says what the next ones carry by their lengths.
struct TextCount: Sendable {
    private(set) var bytes = 0
    private var events = 0
    /// How much of the event that was measured last was no text.
    private var frame = 0

    @inline(__always)
    mutating func take(_ data: UnsafeRawBufferPointer) {
        events &+= 1
        // The first few, then each thirty-second.
        if events & 31 == 0 || events & (events &- 1) == 0 || data.count < frame {
            measure(data)
        } else {
            bytes &+= data.count &- frame
        }
    }

    private mutating func measure(_ data: UnsafeRawBufferPointer) {
        let text = TextMeasure.bytes(of: data)
        frame = data.count &- text
        bytes &+= text
    }

    /// An event of another kind than most: measured, and nothing is concluded from it.
    mutating func takeAlone(_ data: UnsafeRawBufferPointer) { bytes &+= TextMeasure.bytes(of: data) }
}
