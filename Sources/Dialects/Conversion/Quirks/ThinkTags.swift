import Basics

/// Takes thoughts out of a text in which they stand between marks: `<think>…</think>`, as models write them whose server does not
/// part them (MiniMax, R1, QwQ and their kin; `<thought>` of Gemini behind Chat, `[THINK]` of Magistral).
///
/// Marks are looked for where a text begins, and where the server is known to write them, at the beginning of each line. They may
/// come in pieces, and escaped. A mark that opens within a thought may be one the model only speaks of: what follows the next
/// closing one is held until another shows that it was a thought, or the end that it was the answer.
///
/// A prompt may have opened the thought (the chat templates of R1, QwQ and Qwen's thinking models do): what comes before the first
/// mark is held then, until a closing one shows that it was a thought, or the end that it was the answer.
struct ThinkTags: Sendable {
    /// Where marks are looked for.
    enum Mode: Sendable, Hashable {
        /// Nowhere.
        case never
        /// At the first words of a response.
        case atStart
        /// Wherever a line begins: the server is known to write them.
        case always
    }

    enum Piece: Sendable { case thought, text }

    private enum State: Sendable {
        /// Only space has come: a mark may follow.
        case start
        /// Within a thought, of which only space has come.
        case thoughtStart
        case thought
        /// Perhaps within a thought that the prompt opened.
        case held
        /// Behind a closing mark while others may still be open.
        case doubt
        /// The answer; a mark may follow where a line begins.
        case text
        /// The answer, in which nothing is looked for any more.
        case plain
    }

    static let pairs: [(open: StaticString, close: StaticString)] = [
        ("<think>", "</think>"), ("<thinking>", "</thinking>"), ("<thought>", "</thought>"), ("<seed:think>", "</seed:think>"),
        ("[THINK]", "[/THINK]"),
    ]

    /// The most that is held of what may be a thought.
    static let mostHeld = 1 << 20

    private let mode: Mode
    /// The prompt may have opened a thought, and nothing has shown yet whether it did.
    private var isOpened: Bool
    private var state: State
    private var isAtLineStart = true
    /// Space before the first word, escaped; what is behind a thought is left out.
    private var space: [UInt8] = []
    private var dropsSpace = false
    /// What may be the beginning of a mark: its letters, and as they came.
    private var mark: [UInt8] = []
    private var raw: [UInt8] = []
    /// The pair that opened the thought in hand, and the opening marks within it that have no closing one yet.
    private var pair = 0
    private var depth = 0
    /// What came behind the closing mark that was perhaps the last, and that mark.
    private var doubtful: [UInt8] = []
    private var closing: [UInt8] = []

    init(_ mode: Mode, isOpened: Bool = false) {
        self.mode = mode
        self.isOpened = isOpened && mode != .never
        state = mode == .never ? .plain : .start
    }

    /// Whether text passes as it is.
    var isPlain: Bool { state == .plain }

    /// Whether text is held until it is known what it is.
    var isHolding: Bool { state == .held }

    /// Whether a whole text has the end of a thought whose beginning is not in it; where the server is not known for marks, on a line
    /// of its own.
    static func closesUnopened(_ text: RawText, _ mode: Mode) -> Bool {
        if mode == .never || ByteSearch.contains("<think>", in: text) || ByteSearch.contains("\\u003cthink\\u003e", in: text) {
            return false
        }
        if mode == .atStart {
            return ByteSearch.contains("\\n</think>\\n", in: text) || ByteSearch.contains("\\n\\u003c/think\\u003e\\n", in: text)
        }
        return ByteSearch.contains("</think>", in: text) || ByteSearch.contains("\\u003c/think\\u003e", in: text)
    }

    /// Takes a piece of escaped text, and shows what it is.
    mutating func take(_ text: RawText, _ show: (Piece, RawText) -> Void) {
        var index = 0
        // What goes on as it is begins here.
        var run = 0
        while index < text.count, state != .plain {
            let unit = Self.unit(text, index)
            let end = index &+ unit.count
            if mark.isEmpty, !mayBegin(unit.byte) {
                if waits(unit.byte, text.slice(index..<end), show) { run = end }
                index = end
                continue
            }
            emit(text.slice(run..<index), show)
            if !mark.isEmpty, !fits(with: unit.byte) {
                // It was no mark; this may be the beginning of one.
                release(show)
                run = index
                continue
            }
            run = end
            index = end
            mark.append(unit.byte)
            raw.append(contentsOf: text.slice(run &- unit.count..<run))
            complete(show)
        }
        emit(text.slice(run..<text.count), show)
        if state == .held, doubtful.count > Self.mostHeld { giveUpHolding(show) }
    }

    /// No thought is that long.
    private mutating func giveUpHolding(_ show: (Piece, RawText) -> Void) {
        if !mark.isEmpty { release(show) }
        state = mode == .always ? .text : .plain
        doubtful.withUnsafeBytes { show(.text, $0) }
        doubtful = []
    }

    /// The text ends, or a call comes: what was held is shown. What is cut off before its thought is closed is one.
    mutating func finish(isCut: Bool = false, _ show: (Piece, RawText) -> Void) {
        if !mark.isEmpty { release(show) }
        if state == .held {
            doubtful.withUnsafeBytes { show(isCut ? .thought : .text, $0) }
        } else if state == .doubt {
            doubtful.withUnsafeBytes { Self.trimmed($0, show) }
        } else if state == .start, !dropsSpace {
            space.withUnsafeBytes { if !$0.isEmpty { show(.text, $0) } }
        }
        self = ThinkTags(mode == .always ? .always : .never)
    }

    // MARK: Units

    /// One letter, as it stands in a JSON string.
    private static func unit(_ text: RawText, _ index: Int) -> (byte: UInt8, count: Int) {
        guard text[index] == UInt8(ascii: "\\"), index &+ 1 < text.count else { return (text[index], 1) }
        switch text[index &+ 1] {
        case UInt8(ascii: "u"):
            let value = JSONText.codeUnit(at: index, of: text) ?? 0xFFFF
            return (value < 0x80 ? UInt8(truncatingIfNeeded: value) : 0xFF, Swift.min(6, text.count &- index))
        case UInt8(ascii: "n"), UInt8(ascii: "r"): return (0x0A, 2)
        case UInt8(ascii: "t"): return (UInt8(ascii: " "), 2)
        default: return (text[index &+ 1], 2)
        }
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == 0x0A }

    /// An answer without the space before it.
    private static func trimmed(_ text: RawText, _ show: (Piece, RawText) -> Void) {
        var index = 0
        while index < text.count {
            let unit = unit(text, index)
            guard isSpace(unit.byte) else { return show(.text, text.slice(index..<text.count)) }
            index &+= unit.count
        }
    }

    private func mayBegin(_ byte: UInt8) -> Bool {
        guard byte == UInt8(ascii: "<") || byte == UInt8(ascii: "[") else { return false }
        return state == .text ? isAtLineStart : state != .plain
    }

    /// Takes a unit that is part of no mark. True: it does not go on with what is in hand.
    private mutating func waits(_ byte: UInt8, _ unit: RawText, _ show: (Piece, RawText) -> Void) -> Bool {
        let isSpace = Self.isSpace(byte)
        switch state {
        case .start:
            if isSpace {
                if !dropsSpace { space.append(contentsOf: unit) }
                return true
            }
            answer(show)
        case .thoughtStart:
            if isSpace { return true }
            state = .thought
        case .text: isAtLineStart = byte == 0x0A || (isSpace && isAtLineStart)
        case .thought, .held, .doubt, .plain: break
        }
        return false
    }

    /// The answer begins, or what the prompt may have opened.
    private mutating func answer(_ show: (Piece, RawText) -> Void) {
        if isOpened {
            isOpened = false
            state = .held
            doubtful = space
            space = []
            return
        }
        state = mode == .always ? .text : .plain
        isAtLineStart = false
        space.withUnsafeBytes { if !$0.isEmpty { show(.text, $0) } }
        space = []
    }

    private mutating func emit(_ text: RawText, _ show: (Piece, RawText) -> Void) {
        guard !text.isEmpty else { return }
        switch state {
        case .thought, .thoughtStart: show(.thought, text)
        case .held, .doubt: doubtful.append(contentsOf: text)
        case .start, .text, .plain: show(.text, text)
        }
    }

    // MARK: Marks

    private var isInThought: Bool { state == .thoughtStart || state == .thought || state == .doubt }

    /// The marks that may stand here: within a thought its own, else all; closing ones without an opening one only where the server
    /// is known to write them, or the prompt to open thoughts.
    private func isCandidate(_ place: Int, closes: Bool) -> Bool {
        if state == .held { return closes }
        return isInThought ? place == pair : !closes || mode == .always || isOpened
    }

    private func fits(with byte: UInt8) -> Bool {
        Self.pairs.indices.contains { place in
            (isCandidate(place, closes: false) && continues(Self.pairs[place].open, byte))
                || (isCandidate(place, closes: true) && continues(Self.pairs[place].close, byte))
        }
    }

    private func continues(_ name: StaticString, _ byte: UInt8) -> Bool {
        name.withUTF8Buffer { name in
            mark.count < name.count && name[mark.count] == byte && mark.elementsEqual(name.prefix(mark.count))
        }
    }

    private func isWhole(_ name: StaticString) -> Bool { name.withUTF8Buffer { mark.elementsEqual($0) } }

    /// What follows from a mark that is whole.
    private mutating func complete(_ show: (Piece, RawText) -> Void) {
        for place in Self.pairs.indices {
            if isCandidate(place, closes: false), isWhole(Self.pairs[place].open) { return opened(place, show) }
            if isCandidate(place, closes: true), isWhole(Self.pairs[place].close) { return closed(show) }
        }
    }

    private mutating func opened(_ place: Int, _ show: (Piece, RawText) -> Void) {
        if isInThought {
            // It stays in the thought: perhaps the model only speaks of it.
            depth &+= 1
            return release(show)
        }
        space = []
        mark = []
        raw = []
        isOpened = false
        pair = place
        depth = 0
        state = .thoughtStart
    }

    private mutating func closed(_ show: (Piece, RawText) -> Void) {
        if state == .held {
            doubtful.withUnsafeBytes { show(.thought, $0) }
            doubtful = []
        }
        isOpened = false
        space = []
        if state == .doubt {
            // What was before it was a thought after all.
            closing.withUnsafeBytes { show(.thought, $0) }
            doubtful.withUnsafeBytes { if !$0.isEmpty { show(.thought, $0) } }
            doubtful = []
        }
        closing = raw
        mark = []
        raw = []
        if isInThought, depth > 0 {
            depth &-= 1
            state = .doubt
        } else {
            state = .start
            dropsSpace = true
        }
    }

    /// What looked like a mark is none, or none of ours.
    private mutating func release(_ show: (Piece, RawText) -> Void) {
        if state == .start { answer(show) }
        if state == .thoughtStart { state = .thought }
        isAtLineStart = false
        let held = raw
        mark = []
        raw = []
        held.withUnsafeBytes { emit($0, show) }
    }
}
