/// A response's blocks, collected: a whole response is the fold of the same events that a stream is written from.
struct FoldedResponse: ResponseEventWriter, Sendable {
    struct Block: Sendable {
        var kind: ResponseBlock
        var id: [UInt8]
        var name: [UInt8]
        /// Text or arguments, escaped as inside a JSON string.
        var text: [UInt8] = []
        var signature: WrappedSignature?
        /// Where a text is from.
        var citations: [WebCitation] = []
        /// Log probabilities of a text, as elements of OpenAI's list.
        var logprobs: [UInt8] = []
        /// The response ended before the block did.
        var isCut = false
    }

    private(set) var blocks: [Block] = []
    private(set) var ending: ResponseEnding?
    private var signature: WrappedSignature?

    mutating func begin(_ state: inout ResponseState) {}

    mutating func open(_ block: ResponseBlock, id: RawText, name: RawText, _ state: inout ResponseState) {
        blocks.append(Block(kind: block, id: Array(id), name: Array(name)))
        if block.isCall, let signature {
            blocks[blocks.count - 1].signature = signature
            self.signature = nil
        }
    }

    mutating func delta(_ block: ResponseBlock, _ text: RawText, _ state: inout ResponseState) {
        guard let last = blocks.indices.last else { return }
        blocks[last].text.append(contentsOf: text)
        if block == .text, state.context.client == .responses { blocks[last].take(&state.logprobs) }
    }

    mutating func sign(_ signature: WrappedSignature, _ state: inout ResponseState) { self.signature = signature }

    mutating func close(_ block: ResponseBlock, isCut: Bool, _ state: inout ResponseState) {
        guard let last = blocks.indices.last else { return }
        blocks[last].isCut = isCut
        if block == .thinking || block == .redacted {
            blocks[last].signature = signature
            signature = nil
        }
    }

    mutating func annotate(_ citation: WebCitation, _ state: inout ResponseState) {
        guard let last = blocks.lastIndex(where: { $0.kind == .text }) else { return }
        blocks[last].citations.append(citation)
    }

    mutating func end(_ ending: ResponseEnding, _ state: inout ResponseState) { self.ending = ending }

    mutating func fail(_ error: UpstreamError, _ state: inout ResponseState) {}

    /// The text of all blocks of a kind, joined without anything between.
    func text(of kind: ResponseBlock) -> [UInt8] {
        blocks.filter { $0.kind == kind }.flatMap(\.text)
    }

    func has(_ kind: ResponseBlock) -> Bool { blocks.contains { $0.kind == kind } }
}

extension FoldedResponse.Block {
    /// Takes what was noted of the text that just came.
    mutating func take(_ noted: inout [UInt8]) {
        guard !noted.isEmpty else { return }
        if !logprobs.isEmpty { logprobs.append(0x2C) }
        logprobs += noted
        noted = []
    }

    /// A call's arguments as JSON; what is no JSON (a response cut off) is kept as text in an object.
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
