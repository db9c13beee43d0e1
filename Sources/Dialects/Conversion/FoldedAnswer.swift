/// An answer's blocks, collected: a whole answer is the fold of the same events that a stream is written from.
struct FoldedAnswer: AnswerWriter, Sendable {
    struct Block: Sendable {
        var kind: AnswerBlock
        var id: [UInt8]
        var name: [UInt8]
        /// Text or arguments, escaped as inside a JSON string.
        var text: [UInt8] = []
        var seal: SealedText?
        /// The answer ended before the block did.
        var isCut = false
    }

    private(set) var blocks: [Block] = []
    private(set) var ending: AnswerEnding?
    private var seal: SealedText?

    mutating func begin(_ state: inout AnswerState) {}

    mutating func open(_ block: AnswerBlock, id: RawText, name: RawText, _ state: inout AnswerState) {
        blocks.append(Block(kind: block, id: Array(id), name: Array(name)))
        if block == .tool || block == .customTool, let seal {
            blocks[blocks.count - 1].seal = seal
            self.seal = nil
        }
    }

    mutating func delta(_ block: AnswerBlock, _ text: RawText, _ state: inout AnswerState) {
        guard let last = blocks.indices.last else { return }
        blocks[last].text.append(contentsOf: text)
    }

    mutating func seal(_ signature: SealedText, _ state: inout AnswerState) { seal = signature }

    mutating func close(_ block: AnswerBlock, isCut: Bool, _ state: inout AnswerState) {
        guard let last = blocks.indices.last else { return }
        blocks[last].isCut = isCut
        if block == .thinking || block == .redacted {
            blocks[last].seal = seal
            seal = nil
        }
    }

    mutating func end(_ ending: AnswerEnding, _ state: inout AnswerState) { self.ending = ending }

    mutating func fail(_ error: UpstreamError, _ state: inout AnswerState) {}

    /// The text of all blocks of a kind, joined without anything between.
    func text(of kind: AnswerBlock) -> [UInt8] {
        blocks.filter { $0.kind == kind }.flatMap(\.text)
    }

    func has(_ kind: AnswerBlock) -> Bool { blocks.contains { $0.kind == kind } }
}

extension FoldedAnswer.Block {
    /// A call's arguments as JSON; what is no JSON (an answer cut off) is kept as text in an object.
    var input: JSONValue {
        let json = text.withUnsafeBytes { JSONText.decode($0) }
        return HubArguments.text(json).object
    }
}

extension [UInt8] {
    /// Appends escaped text as a JSON string.
    mutating func append(quoting raw: [UInt8]) {
        append(0x22)
        append(contentsOf: raw)
        append(0x22)
    }
}
