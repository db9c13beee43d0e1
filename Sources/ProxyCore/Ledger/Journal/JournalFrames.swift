/// Walks over frames in memory. Pure: whatever the bytes are, it stops where they are no frames any more.
enum JournalFrames {
    enum Ending: Equatable {
        /// All up to the limit was whole.
        case complete
        /// The last frame is not there to its end.
        case torn
        /// A frame, or the segment's header, is not what was written.
        case damaged
        /// A whole frame, or the header, is of a format that came after this one.
        case newer
    }

    /// Gives each record to `body`.
    ///
    /// - Returns: how many bytes whole frames take, and why reading ended there.
    static func read(_ bytes: UnsafeRawBufferPointer, _ body: (EncodedUsage) -> Void) -> (used: Int, ending: Ending) {
        var rest = bytes
        while !rest.isEmpty {
            let used = bytes.count - rest.count
            switch JournalFormat.frame(in: rest) {
            case .partial: return (used, .torn)
            case .damaged: return (used, .damaged)
            case .whole(let size):
                let end = JournalFormat.frameHeadSize + size
                let payload = UnsafeRawBufferPointer(rebasing: rest[JournalFormat.frameHeadSize..<end])
                guard let usage = EncodedUsage(payload) else {
                    return (used, EncodedUsage.isOfNewerVersion(payload) ? .newer : .damaged)
                }
                body(usage)
                rest = UnsafeRawBufferPointer(rebasing: rest[end...])
            }
        }
        return (bytes.count, .complete)
    }
}
