import Basics
import Dialects
import Synchronization

/// What conversions keep between a client's requests.
final class ConversionMemory: Sendable {
    /// What responses said on the way to calls, for clients whose format has no field for it.
    let thoughts: Mutex<ThoughtCache> = Mutex(ThoughtCache())
    /// Responses that clients go on from by their id.
    let responses: Mutex<ResponseMemory> = Mutex(ResponseMemory())
    /// What seals the items that only this proxyd reads.
    let sealing: ItemSealing

    init(sealing: ItemSealing) { self.sealing = sealing }
}

/// Who gets back what is remembered of a call: the key that asked; where the call's id may be another conversation's as well, that
/// conversation alone.
struct ThoughtScopes: Sendable {
    let key: String
    /// The conversation's mark; 0 where no id is another's.
    var conversation: UInt64 = 0

    func scope(of id: String) -> String { Self.mayRepeat(id) ? "\(key)\n\(conversation)" : key }

    /// Some servers number the calls of each conversation: `functions.look:0`.
    static func mayRepeat(_ id: String) -> Bool {
        if id.utf8.starts(with: "functions.".utf8) { return true }
        var longest = 0
        var run = 0
        for byte in id.utf8 {
            let isLetter = ASCII.isDigit(byte) || (0x61...0x7A).contains(byte | 0x20)
            run = isLetter ? run + 1 : 0
            longest = max(longest, run)
        }
        return longest < 8
    }
}

extension Exchange {
    /// What is kept under a response's id for the key that asks.
    func recallResponse() -> @Sendable (String) -> [UInt8]? {
        let (memory, scope, now) = (loop.shared.memory, caller?.key.id ?? "", LoopContext.wallClock() / 1000)
        return { id in memory.responses.withLock { $0.recall(id, scope: scope, now: now) } }
    }
}

extension Attempt {
    /// Keeps what a complete stream leaves for the requests that follow it.
    func keepWhatCame(of pipe: BodyPipe) {
        keepThoughts(pipe.thoughts)
        keepResponse(pipe.remembered)
    }

    /// Keeps a complete response that its client may go on from, for the key that asked for it.
    func keepResponse(_ response: RememberedResponse?) {
        guard let response else { return }
        loop.shared.memory.responses.withLock {
            $0.keep(response, scope: exchange.caller?.key.id ?? "", now: LoopContext.wallClock() / 1000)
        }
    }
}
