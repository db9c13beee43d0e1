/// What goes back to the client, and how.
struct SimulatedResponse: Sendable {
    var status = 200
    var headers: [(name: String, value: String)] = []
    /// Seconds before anything is sent.
    var delay = 0.0
    var body: Body
    /// Whether the connection closes instead of ending the body.
    var isCut = false

    enum Body: Sendable {
        /// Sent at once, with its length (of the whole, also when only a part of it is sent).
        case whole(String, length: Int)
        /// Sent chunked, one after the other.
        case frames([Frame])
        /// Not even a head.
        case nothing
    }

    /// An event of a stream.
    struct Frame: Sendable, Hashable {
        var text: String
        /// Whether it waits for its turn.
        var isPaced = false
    }

    static func json(_ text: String, status: Int = 200) -> SimulatedResponse {
        SimulatedResponse(
            status: status, headers: [("content-type", "application/json")], body: .whole(text, length: text.utf8.count))
    }

    static func stream(_ frames: [Frame]) -> SimulatedResponse {
        SimulatedResponse(
            headers: [("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-cache")], body: .frames(frames))
    }
}
