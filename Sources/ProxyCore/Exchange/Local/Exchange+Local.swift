import NIOCore

extension Exchange {
    /// Off the data path: proxyd answers itself.
    func serveLocally() {
        guard let service = loop.shared.local.withLock({ $0 }), service.serves(path: path) else {
            refuse(Refusal(.notFound, "there is nothing at this path", code: "not_found", stage: "accept"))
            return
        }
        let request = makeLocalRequest()
        let exchange = NIOLoopBound(self, eventLoop: loop.eventLoop)
        let eventLoop = loop.eventLoop
        deadline = .distantFuture
        Task {
            let response = await service.respond(to: request)
            eventLoop.execute { exchange.value.answerLocally(response) }
        }
    }

    private func makeLocalRequest() -> LocalRequest {
        connection.headBytes.withUnsafeReadableBytes { bytes in
            let (_, query) = splitTarget(connection.head.target.bytes(in: bytes))
            return LocalRequest(
                method: connection.head.methodToken.string(in: bytes), path: path,
                query: query.map { String(decoding: $0, as: UTF8.self) } ?? "",
                headers: connection.head.fields.map { ($0.name.string(in: bytes).lowercased(), $0.value.string(in: bytes)) },
                body: Array(connection.body.readableBytesView), clientAddress: connection.clientAddress, requestID: requestID,
                key: key, plane: connection.settings.plane)
        }
    }

    private func answerLocally(_ response: LocalResponse) {
        guard !isOver else { return }
        var headers = response.headers
        var contentType: String?
        headers.removeAll { header in
            guard header.name.lowercased() == "content-type" else { return false }
            contentType = header.value
            return true
        }
        headers.append(contentsOf: identityHeaders)
        LocalAnswer.write(
            status: response.status, contentType: contentType, body: response.body, keepAlive: clientKeepsAlive, headers: headers,
            omitBody: isHead, to: &connection.outbound)
        figures.status = response.status
        figures.bytesOut = isHead ? 0 : response.body.count
        markFirstByte()
        finish(by: "done", in: "accept", reason: "", keepAlive: true)
    }
}
