extension UpstreamURL {
    /// An absolute address; `basePath` then holds path and query. nil when it is none.
    init?(absolute text: String) {
        guard let url = try? UpstreamURL.parse(text, shown: "", .withQuery) else { return nil }
        self = url
    }
}
