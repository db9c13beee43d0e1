import HTTP1

/// The headers in which a vendor of its own ways tells one kind of window: `quota: {header_names: {requests: {limit: …}}}`.
public struct QuotaHeaderNames: Sendable, Hashable {
    /// What a header is.
    public enum Part: Sendable, Hashable, CaseIterable { case limit, remaining, reset }

    public struct Name: Sendable, Hashable {
        public let part: Part
        /// The header's name, in lower case.
        public let text: [UInt8]
    }

    /// The window's kind, as `QuotaWindow.kind` has it.
    public let kind: String
    public let names: [Name]

    /// - Parameter names: what is not there is nil.
    public init(kind: String, limit: String?, remaining: String?, reset: String?) {
        self.kind = kind
        names = [(Part.limit, limit), (.remaining, remaining), (.reset, reset)].compactMap { part, name in
            name.map { Name(part: part, text: Array($0.lowercased().utf8)) }
        }
    }
}
