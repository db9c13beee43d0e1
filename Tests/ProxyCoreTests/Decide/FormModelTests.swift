import Testing

@testable import ProxyCore

/// The model of a form, and forms that two readers would read as two.
struct FormModelTests {
    private func multipart(_ body: String, boundary: String = "b") throws(FormModel.Malformed) -> FormModel? {
        let bytes = Array(body.utf8)
        var result: Result<FormModel?, FormModel.Malformed> = .success(nil)
        bytes.withUnsafeBytes { raw in
            do throws(FormModel.Malformed) {
                result = .success(try FormModel.multipart(raw, boundary: Array(boundary.utf8)))
            } catch {
                result = .failure(error)
            }
        }
        return try result.get()
    }

    private func urlEncoded(_ body: String) throws(FormModel.Malformed) -> FormModel? {
        let bytes = Array(body.utf8)
        var result: Result<FormModel?, FormModel.Malformed> = .success(nil)
        bytes.withUnsafeBytes { raw in
            do throws(FormModel.Malformed) { result = .success(try FormModel.urlEncoded(raw)) } catch { result = .failure(error) }
        }
        return try result.get()
    }

    private static func part(_ name: String, _ value: String, more: String = "") -> String {
        "--b\r\nContent-Disposition: form-data; name=\"\(name)\"\(more)\r\n\r\n\(value)\r\n"
    }

    @Test func `a form's model is found and can be replaced`() throws {
        let body = Self.part("file", "a\r\n--c\r\n", more: "; filename=\"a.mp3\"") + Self.part("model", "whisper-1") + "--b--\r\n"
        let form = try #require(try multipart(body))
        #expect(form.name == "whisper-1")
        #expect(Array(body.utf8)[form.range].elementsEqual("whisper-1".utf8))
        #expect(try multipart(Self.part("file", "x") + "--b--") == nil)
        #expect(try urlEncoded("a=b&mod%65l=a%20b+c&d=e")?.name == "a b c")
        #expect(try urlEncoded("a=b") == nil)
        #expect(throws: FormModel.Malformed.self) { try urlEncoded("a=b&model") }
        #expect(try urlEncoded("model=x").map { String(decoding: $0.replacement("a b/é"), as: UTF8.self) } == "a%20b%2F%C3%A9")
    }

    @Test(arguments: [
        part("model", "a") + part("model", "b") + "--b--", part("Model", "a") + "--b--", part("model ", "a") + "--b--",
        part("model", "a"), part("model", "a") + "--b", "preamble\r\n" + part("model", "a") + "--b--",
        part("model", "a") + "--b--\r\n" + part("model", "b"), part("model", "a", more: "; filename=\"x\"") + "--b--",
        part("model", "a", more: "; name=\"other\"") + "--b--", part("x", "a", more: "; name*=utf-8''model") + "--b--",
        "--b\nContent-Disposition: form-data; name=\"model\"\n\na\n--b--", "--bX\r\nname\r\n--b--",
        "--b\r\nContent-Disposition: form-data; name=\"model\"\r\nContent-Transfer-Encoding: base64\r\n\r\nYQ==\r\n--b--",
        "--b\r\nContent-Disposition: form-data; name=\"mo\\del\"\r\n\r\na\r\n--b--",
        "--b\r\nContent-Disposition: form-data;\r\n name=\"model\"\r\n\r\na\r\n--b--",
        "--b\r\nContent-Disposition: attachment; name=\"model\"\r\n\r\na\r\n--b--",
    ])
    func `a form that can be read in two ways is refused`(body: String) {
        #expect(throws: FormModel.Malformed.self) { try multipart(body) }
    }

    @Test(arguments: ["", "--b\r\n\r\na\r\n--b--", "--b\r\nnot json\r\n--b--", "anything"])
    func `what has no names names no model, however malformed`(body: String) throws {
        #expect(try multipart(body) == nil)
    }

    @Test(arguments: [
        "model[0]", "model[x]", "model.", "%6dodel", "\u{FEFF}model", "=?utf-8?q?model?=", "Mo-del", "model%5B%5D",
    ])
    func `a name that some reader takes for the model's is refused`(name: String) {
        #expect(throws: FormModel.Malformed.self) { try multipart(Self.part(name, "a") + "--b--") }
        guard !name.contains("=") else { return }
        #expect(throws: FormModel.Malformed.self) { try urlEncoded("model=a&\(name)=b") }
    }

    @Test(arguments: ["\n", "\r"])
    func `a delimiter behind a bare line end is none, and refused`(lineEnd: String) {
        let inner = "x\(lineEnd)--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nopus"
        #expect(throws: FormModel.Malformed.self) { try multipart(Self.part("model", "a") + Self.part("file", inner) + "--b--") }
    }

    @Test(arguments: ["a=1;model=b", "model=a;model=b", "a=1;%6dodel=b"])
    func `a semicolon parts fields for some`(body: String) {
        #expect(throws: FormModel.Malformed.self) { try urlEncoded(body) }
    }

    @Test(arguments: ["model=a&model=b", "Model=a", "model=%", "%=a", "model=%zz", "model=a&mod%45l=b", "model=%ff"])
    func `an encoded form that can be read in two ways is refused`(body: String) {
        #expect(throws: FormModel.Malformed.self) { try urlEncoded(body) }
    }

    @Test(arguments: ["", "a b", "a\"b", "é", String(repeating: "a", count: 71)])
    func `a boundary that is none is refused`(boundary: String) {
        #expect(throws: FormModel.Malformed.self) { try multipart("--\(boundary)--; name", boundary: boundary) }
    }
}
