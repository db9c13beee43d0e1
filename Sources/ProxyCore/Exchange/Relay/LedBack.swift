import Basics
import Dialects
import HTTP1

/// Addresses of proxyd in the place of an upstream's. Pure.
enum LedBack {
    /// A host and a port, and nothing that could end a text or an address.
    static func isAuthority(_ host: UnsafeRawBufferPointer) -> Bool {
        !host.isEmpty && host.count <= 255
            && host.allSatisfy { PercentEncoding.isUnreserved($0) || ":[]".utf8.contains($0) }
    }

    /// The body with each `results_url` at `origin`; nil where there is none.
    static func results(in body: UnsafeRawBufferPointer, to origin: [UInt8]) -> [UInt8]? {
        let key = Array("\"results_url\"".utf8)
        let path = Array("/v1/messages/batches/".utf8)
        var out: [UInt8] = []
        var copied = 0
        var position = 0
        while let found = FormModel.index(of: key, in: UnsafeRawBufferPointer(rebasing: body[position...])) {
            var index = position + found + key.count
            position = index
            while index < body.count, body[index] <= 0x20 || body[index] == UInt8(ascii: ":") { index += 1 }
            guard index < body.count, body[index] == UInt8(ascii: "\"") else { continue }
            let start = index + 1
            guard let end = body[start...].firstIndex(of: UInt8(ascii: "\"")) else { break }
            let text = UnsafeRawBufferPointer(rebasing: body[start..<end])
            position = end
            guard text.starts(with: Array("http".utf8)), let own = FormModel.index(of: path, in: text) else { continue }
            out += body[copied..<start]
            out += origin
            copied = start + own
        }
        guard copied > 0 else { return nil }
        out += body[copied...]
        return out
    }

    static func isUploadField(_ name: UnsafeRawBufferPointer) -> Bool {
        equalsIgnoringCase(name, "x-goog-upload-url") || equalsIgnoringCase(name, "x-goog-upload-control-url")
    }

    /// The address of an upload at `origin`; nil for one that is none.
    static func upload(_ url: UnsafeRawBufferPointer, to origin: [UInt8], ticket: String) -> [UInt8]? {
        guard let start = FormModel.index(of: Array("/upload/v1".utf8), in: url) else { return nil }
        let mark = url[start...].contains(HTTPByte.questionMark) ? UInt8(ascii: "&") : HTTPByte.questionMark
        return origin + url[start...] + [mark] + Array("\(UploadTicket.parameter)=\(ticket)".utf8)
    }
}
