import ProxyCore

/// The plain pages a browser sees when a login comes to nothing.
enum LoginPage {
    /// - Parameter vendor: the issuer's own words; they are escaped.
    static func failure(_ status: Int, _ text: String, vendor: String? = nil) -> LocalResponse {
        let quote = vendor.map { "<p>The issuer says: <q>\(Person.plain($0).htmlEscaped)</q></p>" } ?? ""
        return page(status, "Not logged in", "<p>\(text.htmlEscaped)</p>\(quote)\(again)")
    }

    /// Who it is, and that he may do nothing.
    static func noRole(_ person: Person) -> LocalResponse {
        page(
            403, "No access",
            """
            <p>You are <b>\(person.name.htmlEscaped)</b>, and you have no role here.</p>
            <p>Whoever runs this proxyd gives roles by <code>roles</code> in its configuration; the log says why there is none for \
            you.</p>\(again)
            """)
    }

    static let headers: [(name: String, value: String)] =
        [("referrer-policy", "no-referrer"), ("x-frame-options", "DENY")] + LocalResponse.uncached

    private static let again = "<p><a href=\"/admin/\">To the dashboard</a></p>"

    private static func page(_ status: Int, _ title: String, _ body: String) -> LocalResponse {
        let html = """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(title) – proxyd</title><link rel="icon" href="data:,"><style>\(style)</style></head>
            <body><main><h1>\(title)</h1>\(body)</main></body></html>

            """
        return LocalResponse(
            status: status,
            headers: [("content-type", "text/html; charset=utf-8"), ("content-security-policy", policy)] + headers,
            body: Array(html.utf8))
    }

    private static let style =
        ":root{color-scheme:light dark;font:1rem/1.5 system-ui,sans-serif}main{max-width:40rem;margin:4rem auto;padding:0 1rem}"

    private static let policy =
        "default-src 'none'; style-src '\(ContentHash.source(of: style))'; img-src data:; base-uri 'none'; form-action 'none'; "
        + "frame-ancestors 'none'"
}
