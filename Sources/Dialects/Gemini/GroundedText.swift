import Basics

/// The words of a Gemini response as its `groundingSupports` count them: in bytes of UTF-8, where OpenAI's clients count characters.
struct GroundedText: Sendable {
    /// What is longer is not looked through.
    private static let most = 1 << 20
    private static let step = 1_024

    private var bytes: [UInt8] = []
    /// What stands in the client's text alone: behind how many bytes, and how many characters it has.
    private var asides: [(place: Int, characters: Int)] = []
    private var isTooLong = false
    /// The characters before every 1,024th byte.
    private var counts: [Int] = []
    /// Where the last passage that was looked for ends.
    private var end = 0
    /// Bytes that may still be looked at for passages that are not where they are said to be.
    private var work = 8 << 20

    mutating func take(_ text: RawText) {
        guard !isTooLong else { return }
        JSONText.append(decoded: text, to: &bytes)
        if bytes.count > Self.most {
            isTooLong = true
            bytes = []
        }
    }

    mutating func takeAside(_ text: String) { asides.append((bytes.count, text.unicodeScalars.count)) }

    /// The characters that a `segment` is about; nil for one that is nowhere.
    mutating func characters(of segment: JSONValue?) -> Range<Int>? {
        guard let segment, !isTooLong, let range = place(segment) else { return nil }
        return count(before: range.lowerBound, isStart: true)..<count(before: range.upperBound, isStart: false)
    }

    private mutating func place(_ segment: JSONValue) -> Range<Int>? {
        let words = Array((segment["text"]?.string ?? "").utf8)
        let start = segment["startIndex"]?.int ?? 0
        let end = segment["endIndex"]?.int ?? 0
        // Parts that come one by one are counted together.
        let isFirst = (segment["partIndex"]?.int ?? 0) == 0
        if isFirst, start >= 0, start < end, end <= bytes.count, words.isEmpty || bytes[start..<end].elementsEqual(words) {
            self.end = end
            return start..<end
        }
        guard !words.isEmpty, let found = find(words, from: self.end) ?? find(words, from: 0) else { return nil }
        self.end = found + words.count
        return found..<self.end
    }

    private mutating func find(_ words: [UInt8], from start: Int) -> Int? {
        guard start + words.count <= bytes.count else { return nil }
        for place in start...(bytes.count - words.count) {
            guard work > 0 else { return nil }
            work -= 1
            guard bytes[place] == words[0] else { continue }
            work -= words.count
            if bytes[place..<place + words.count].elementsEqual(words) { return place }
        }
        return nil
    }

    private mutating func count(before place: Int, isStart: Bool) -> Int {
        if counts.isEmpty {
            var characters = 0
            for (index, byte) in bytes.enumerated() {
                if index % Self.step == 0 { counts.append(characters) }
                if byte & 0xC0 != 0x80 { characters += 1 }
            }
            counts.append(characters)
        }
        let whole = place / Self.step
        let rest = bytes[whole * Self.step..<place].count { $0 & 0xC0 != 0x80 }
        let others = asides.lazy.filter { isStart ? $0.place <= place : $0.place < place }.reduce(0) { $0 + $1.characters }
        return counts[whole] + rest + others
    }
}
