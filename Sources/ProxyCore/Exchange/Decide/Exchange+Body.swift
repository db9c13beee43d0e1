import Dialects
import NIOCore

/// What a body on a path without a meaning of its own names, whatever it is written in.
extension Exchange {
    private enum BodyKind {
        case json
        case multipart(boundary: [UInt8])
        case urlEncoded
        /// Bytes that are not looked into: audio, lines of JSON, anything.
        case opaque
        case malformed(String)
    }

    /// Finds the model of a body on any path. False: refused.
    func readOtherBody() -> Bool {
        guard connection.body.readableBytes > 0 else { return true }
        switch bodyKind() {
        case .malformed(let message): return refuseBody(message)
        case .json: return readBody(.json) && readModel(required: false) && readBatch()
        case .opaque: return readBody(.maybe) && readModel(required: false) && readBatch()
        case .urlEncoded:
            guard readBody(.maybe) else { return false }
            // `curl -d` says so of everything, and many upstreams go by what they see.
            guard request.object == nil else {
                return readModel(required: false) && readBatch()
                    && (!formNamesModel() || refuseBody("the body is JSON and a form"))
            }
            return readForm { bytes throws(FormModel.Malformed) in try FormModel.urlEncoded(bytes) }
        case .multipart(let boundary):
            return readForm { bytes throws(FormModel.Malformed) in try FormModel.multipart(bytes, boundary: boundary) }
        }
    }

    private func formNamesModel() -> Bool {
        connection.body.withUnsafeReadableBytes {
            (try? FormModel.urlEncoded($0)) != nil && (try? FormModel.urlEncoded($0)) != .some(nil)
        }
    }

    private func readForm(_ read: (UnsafeRawBufferPointer) throws(FormModel.Malformed) -> FormModel?) -> Bool {
        var malformed: FormModel.Malformed?
        connection.body.withUnsafeReadableBytes { bytes in
            do throws(FormModel.Malformed) { request.form = try read(bytes) } catch { malformed = error }
        }
        if let malformed { return refuseBody(malformed.message) }
        guard let form = request.form else { return true }
        if form.name.isEmpty { return refuseBody("the form's 'model' is empty") }
        if let problem = ModelName.problem(form.name) { return refuseBody(problem) }
        request.model = form.name
        return true
    }

    func refuseBody(_ message: String) -> Bool {
        refuse(Refusal(.badRequest, message, param: "model", stage: "decide"))
        return false
    }

    private func bodyKind() -> BodyKind {
        connection.headBytes.withUnsafeReadableBytes { bytes in
            var said: UnsafeRawBufferPointer?
            for field in connection.head.fields where field.known == .contentType {
                guard said == nil else { return .malformed("the request says twice what its body is") }
                said = field.value.bytes(in: bytes)
            }
            guard let said, !said.isEmpty else { return .json }
            let text = String(decoding: said, as: UTF8.self)
            let type = text.prefix { $0 != ";" && $0 != "," }.filter { $0 != " " && $0 != "\t" }.lowercased()
            switch type {
            case "application/json", "text/json": return .json
            case "application/x-www-form-urlencoded": return .urlEncoded
            case "multipart/form-data":
                guard let parameters = Parameters(text[...]), let boundary = parameters["boundary"] else {
                    return .malformed("the form's boundary is missing or none")
                }
                return .multipart(boundary: Array(boundary.utf8))
            default:
                if type.hasSuffix("+json") { return .json }
                // Any other kind of parts may carry a form for a lenient reader.
                return type.hasPrefix("multipart/") && (text.lowercased().contains("form-data") || bodyHoldsForm)
                    ? .malformed("the body's type is ambiguous") : .opaque
            }
        }
    }

    /// Whether parts of another kind call themselves a form's.
    private var bodyHoldsForm: Bool {
        connection.body.withUnsafeReadableBytes { bytes in
            ["form-data", "Form-Data", "FORM-DATA"].contains { FormModel.index(of: Array($0.utf8), in: bytes) != nil }
        }
    }
}
