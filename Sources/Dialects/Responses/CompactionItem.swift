import Basics

/// Seals what only this proxyd may read again, and opens it. The cipher is the caller's.
public struct ItemSealing: Sendable {
    let seal: @Sendable ([UInt8]) -> [UInt8]?
    let open: @Sendable ([UInt8]) -> [UInt8]?

    public init(seal: @escaping @Sendable ([UInt8]) -> [UInt8]?, open: @escaping @Sendable ([UInt8]) -> [UInt8]?) {
        self.seal = seal
        self.open = open
    }
}

/// A Responses client's `compaction` item: what stands for the history before it. Over other formats it is a summary that the
/// upstream wrote, sealed by proxyd.
enum CompactionItem {
    /// Begins as every envelope of ours does, so that none goes to a vendor unseen; the rest is no `SignatureEnvelope`.
    private static let mark = "pxd1.c."

    static let types: Set<String> = ["compaction", "compaction_summary", "context_compaction"]

    static func isOwn(_ text: String) -> Bool { text.hasPrefix(mark) }

    static func sealed(_ summary: String, _ sealing: ItemSealing) -> String? {
        sealing.seal(Array(summary.utf8)).map { mark + Base64.encodeURL($0) }
    }

    /// The summary in an item of ours; nil for what is another's, damaged, or sealed under another key.
    static func summary(_ text: String, _ sealing: ItemSealing?) -> String? {
        guard isOwn(text), let sealing, let bytes = Base64.decode(text.dropFirst(mark.count)), let plain = sealing.open(bytes)
        else { return nil }
        return String(decoding: plain, as: UTF8.self)
    }

    /// What an item of the input says, as a user's text; nil where there is nothing in it.
    /// - Throws: that nobody here can read it.
    static func text(
        _ item: JSONValue, _ path: String, _ sealing: ItemSealing?
    ) throws(ConversionProblem) -> String? {
        guard let sealed = item["encrypted_content"]?.string, !sealed.isEmpty else {
            guard item["type"] != "context_compaction" else { return nil }
            throw RequestWork.invalid("\(path).encrypted_content", "a compaction item without its sealed content")
        }
        if let summary = summary(sealed, sealing) { return preface + summary }
        let whose = isOwn(sealed) ? "sealed under another key" : "sealed by another provider"
        throw RequestWork.unsupported(
            path, "this compaction item is \(whose), and the history in it cannot be read here; begin a new conversation")
    }

    private static let preface = """
        The conversation up to here was compacted. This summary stands for it; go on from where it ends.


        """

    /// What the upstream is asked for in the trigger's place.
    static let request = """
        The context is nearly full. Do no further work and call no tools now: write the summary that will take the place of this \
        conversation. Whoever goes on will see only it, so it must hold everything that is needed: what was asked for and every \
        instruction that still applies; what was decided, and why; what was done, with names of files, functions and commands as \
        they are; errors and how they were mended; what is unfinished, and the very next step. Write the summary only.
        """
}
