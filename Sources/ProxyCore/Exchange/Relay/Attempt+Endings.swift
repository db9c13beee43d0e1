import Basics
import Dialects

/// Endings in words that nobody knows: the client gets the nearest one, and where there is still time it is told. So it is of parts.
extension Attempt {
    /// - Parameter word: the upstream's word; nil where it is a known one.
    func tellOfEnding(_ word: String?) {
        guard let word else { return }
        let field =
            switch request.dialect {
            case .anthropic: "stop_reason"
            case .openai: "finish_reason"
            case .responses: "status"
            case .gemini: "finishReason"
            }
        let note = LossyNote(field, .approximated)
        if upstream.upstream.conversion.lossy != .silent, !changes.lossy.contains(note) { changes.lossy.append(note) }
        guard word != WholeResponse.pause else { return }
        // What is no word may be anything, also text of an answer.
        let isWord = word.utf8.count <= 64 && word.utf8.allSatisfy { PercentEncoding.isUnreserved($0) }
        let shown = isWord ? masked(word) : "unprintable"
        let notices = loop.shared.limits.notices
        guard let count = notices.happened("ending \(target.id.upstream) \(shown)", now: SteadyClock.milliseconds) else { return }
        loop.shared.logger.warning(
            "an upstream ended its answer for a reason that is not known",
            metadata: [LogKeys.upstream: "\(target.id.upstream)", LogKeys.reason: "\(shown)", LogKeys.count: "\(count)"])
    }

    /// - Parameter parts: that were left out, as `content.hologram`.
    func tellOfParts(_ parts: [String]) {
        for part in parts.map(masked) {
            let note = LossyNote(part, .dropped)
            if upstream.upstream.conversion.lossy != .silent, !changes.lossy.contains(note) { changes.lossy.append(note) }
            let notices = loop.shared.limits.notices
            guard let count = notices.happened("part \(target.id.upstream) \(part)", now: SteadyClock.milliseconds) else {
                continue
            }
            loop.shared.logger.warning(
                "an upstream's answer has a part that is not known; it was left out",
                metadata: [LogKeys.upstream: "\(target.id.upstream)", LogKeys.reason: "\(part)", LogKeys.count: "\(count)"])
        }
    }
}
