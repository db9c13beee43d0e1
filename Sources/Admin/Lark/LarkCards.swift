import ProxyCore

/// Passes card actions on; Lark gives up on a response after a few seconds, so this gives up before.
struct LarkCards {
    let caller: any OutgoingCaller

    static let timeout = Duration.seconds(5)

    /// The receiver's response, whatever it is.
    func forward(_ event: LarkEvent, to receiver: String) async throws(AdminFailure) -> LocalResponse {
        guard let address = OutgoingAddress(receiver) else {
            throw AdminFailure(.internalError, "lark.forward_cards_to is no address")
        }
        let request = OutgoingRequest(
            method: "POST", url: address.url, target: address.target,
            headers: [("content-type", "application/json")] + event.headers,
            body: event.body, timeout: Self.timeout, maximumResponse: 1 << 20)
        do {
            let response = try await caller.call(request)
            // A redirect is none for Lark, and a page would be one of this origin.
            guard (200...599).contains(response.status), !(300...399).contains(response.status) else {
                throw AdminFailure(.badGateway, "the card receiver answered \(response.status)")
            }
            let type = response.headers.first { $0.name == "content-type" }?.value ?? "application/json"
            let isJSON = type.utf8.count <= 100 && type.lowercased().hasPrefix("application/json")
            return LocalResponse(
                status: response.status,
                headers: [("content-type", isJSON ? type : "text/plain; charset=utf-8")] + LocalResponse.uncached,
                body: response.body)
        } catch let failure as AdminFailure {
            throw failure
        } catch OutgoingFailure.timeout {
            throw AdminFailure(.gatewayTimeout, "the card receiver did not answer within 5 seconds")
        } catch {
            throw AdminFailure(.badGateway, "the card receiver could not be reached")
        }
    }
}
