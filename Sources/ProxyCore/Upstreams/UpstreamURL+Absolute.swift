extension UpstreamURL {
    /// `http://host:port`, `https://host` or `unix:/path`; nil when it is none.
    public init?(base text: String) {
        guard let url = try? UpstreamURL.parse(text, shown: "", .base) else { return nil }
        self = url
    }

    /// An absolute address; `basePath` then holds path and query. nil when it is none.
    init?(absolute text: String) {
        guard let url = try? UpstreamURL.parse(text, shown: "", .withQuery) else { return nil }
        self = url
    }
}
