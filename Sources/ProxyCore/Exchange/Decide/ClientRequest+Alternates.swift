import Basics
import Dialects

/// Models that a body names beside its own: some servers take one of them where the first cannot serve, or ask one for a tool.
extension ClientRequest {
    /// The models that tools name (Anthropic's advisor, OpenAI's images), those of a batch's requests among them.
    func toolModels() -> [String] {
        withBody { bytes in
            var models = Self.toolModels(of: members, in: bytes)
            var inner: [JSONMember] = []
            for batched in content.batch {
                guard let holder = batched.holder, (try? JSONScan.members(of: bytes, in: holder.place, into: &inner)) != nil
                else { continue }
                models += Self.toolModels(of: inner, in: bytes)
            }
            return models
        }
    }

    private static func toolModels(of members: [JSONMember], in bytes: UnsafeRawBufferPointer) -> [String] {
        var models: [String] = []
        var tools: [JSONElement] = []
        var inner: [JSONMember] = []
        for list in members where list.kind == .array && list.key(equals: "tools", in: bytes) {
            // Hardly any tool has one; a name may be written with escapes.
            let text = bytes.slice(list.value)
            guard ByteSearch.contains("\"model\"", in: text) || ByteSearch.contains("\\u00", in: text),
                (try? JSONScan.elements(of: bytes, in: list.value, into: &tools)) != nil
            else { continue }
            for tool in tools where tool.kind == .object {
                guard (try? JSONScan.members(of: bytes, in: tool.value, into: &inner)) != nil else { continue }
                for member in inner where member.kind == .string && member.names("model", in: bytes) {
                    models.append(JSONScan.string(of: bytes, in: member.value) ?? "")
                }
            }
        }
        return models
    }

    /// Whether a member is such a list, in any case of letters.
    static func holdsAlternates(_ member: JSONMember, in bytes: UnsafeRawBufferPointer) -> Bool {
        member.names("models", in: bytes) || member.names("fallbacks", in: bytes)
    }

    /// Whether the body's model is one that is asked for; on other paths a list of that name may be anything.
    var asksForModel: Bool {
        if isGenerating { return true }
        guard content.namesModel, case .any = NamedModels(method: method, path: path) else { return false }
        return true
    }

    /// The models of such a list.
    func alternates(of list: Range<Int>) throws(LocalReply) -> [String] {
        var result: Result<[String], LocalReply> = .success([])
        withBody { bytes in
            do throws(LocalReply) {
                result = .success(try Self.alternates(of: list, in: bytes))
            } catch {
                result = .failure(error)
            }
        }
        return try result.get()
    }

    /// It has them as texts or within objects.
    static func alternates(of list: Range<Int>, in bytes: UnsafeRawBufferPointer) throws(LocalReply) -> [String] {
        var names: [String?] = []
        var elements: [JSONElement] = []
        var inner: [JSONMember] = []
        do throws(JSONScan.Problem) {
            try JSONScan.elements(of: bytes, in: list, into: &elements)
            for element in elements {
                switch element.kind {
                case .string: names.append(JSONScan.string(of: bytes, in: element.value))
                case .object:
                    try JSONScan.members(of: bytes, in: element.value, into: &inner)
                    for member in inner where member.kind == .string && member.names("model", in: bytes) {
                        names.append(JSONScan.string(of: bytes, in: member.value))
                    }
                case .array, .number, .true, .false, .null: break
                }
            }
        } catch {
            throw LocalReply(body: "the models that the body names beside its own cannot be read")
        }
        var found: [String] = []
        for name in names {
            guard let name, !name.isEmpty, ModelName.problem(name) == nil else {
                throw LocalReply(body: "what the body names beside its model is no model's name")
            }
            found.append(name)
        }
        return found
    }
}
