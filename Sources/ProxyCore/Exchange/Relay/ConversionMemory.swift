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
