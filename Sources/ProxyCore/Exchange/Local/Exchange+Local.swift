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

    /// Whether the body of a local call is waited for: only where something is done with it, and for who may do it. Everybody else
    /// is answered at the head, so that no stranger's bytes are kept.
    func takesLocalBody(_ head: borrowing HTTPRequestHead, bytes: UnsafeRawBufferPointer) -> Bool {
        switch head.framing {
        case .none, .length(0): return true
        case .length, .chunked, .untilClose: break
        }
        if path == "/oauth/callback" { return configuration.lark != nil }
        return path.hasPrefix("/admin/") && showsAdminKey(head, bytes: bytes)
    }

    private func showsAdminKey(_ head: borrowing HTTPRequestHead, bytes: UnsafeRawBufferPointer) -> Bool {
        guard let expected = configuration.admin?.key.reveal(), !expected.isEmpty else { return false }
        let key = Array(expected.utf8)
        var isShown = false
        for field in head.fields {
            var value = field.value.bytes(in: bytes)
            switch field.known {
            case .xApiKey, .apiKey: break
            case .authorization:
                guard value.count > 7, equalsIgnoringCase(UnsafeRawBufferPointer(rebasing: value[..<7]), "bearer ") else {
                    continue
                }
                value = trimmed(UnsafeRawBufferPointer(rebasing: value[7...]))
            default: guard equalsIgnoringCase(field.name.bytes(in: bytes), "x-admin-key") else { continue }
            }
            // All bytes are looked at, so that time tells nothing about where they differ.
            guard value.count == key.count else { continue }
            if zip(value, key).reduce(0, { $0 | ($1.0 ^ $1.1) }) == 0 { isShown = true }
        }
        return isShown
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
