import ProxyCore

/// Passes card actions on; Lark gives up on an answer after a few seconds, so this gives up before.
struct LarkCards {
    let caller: any OutgoingCaller

    static let timeout = Duration.seconds(5)

    /// The receiver's answer, whatever it is.
    func forward(_ event: LarkEvent, to receiver: String) async throws(AdminFailure) -> LocalResponse {
        guard let address = OutgoingAddress(receiver) else {
            throw AdminFailure(.internalError, "lark.forward_cards_to is no address")
        }
        let request = OutgoingRequest(
            method: "POST", url: address.url, target: address.target,
            headers: [("content-type", "application/json")] + event.headers,
            body: event.body, timeout: Self.timeout, maximumAnswer: 1 << 20)
        do {
            let answer = try await caller.call(request)
            let type = answer.headers.first { $0.name == "content-type" }?.value ?? "application/json"
            return LocalResponse(
                status: answer.status, headers: [("content-type", type)] + LocalResponse.uncached, body: answer.body)
        } catch OutgoingFailure.timeout {
            throw AdminFailure(.gatewayTimeout, "the card receiver did not answer within 5 seconds")
        } catch {
            throw AdminFailure(.badGateway, "the card receiver could not be reached")
        }
    }
}
