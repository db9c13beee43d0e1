import ProxyCore

/// `GET /admin/`: one page that works with the admin API like any other client. It holds nothing secret, asks for the admin
/// key itself and keeps it in the tab's session storage.
///
/// Style and script are inline and known to the Content-Security-Policy by their hashes, so that nothing else can run, and
/// the page loads nothing. Everything that comes from the API enters it as text, never as markup.
enum Dashboard {
    static let page = LocalResponse(
        status: 200,
        headers: [
            ("content-type", "text/html; charset=utf-8"), ("content-security-policy", policy), ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
        ] + LocalResponse.uncached,
        body: Array(html.utf8))

    private static let policy = [
        "default-src 'none'", "script-src '\(ContentHash.source(of: script))'", "style-src '\(ContentHash.source(of: style))'",
        "connect-src 'self'", "img-src data:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
    ].joined(separator: "; ")

    private static let html = """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>proxyd</title>
        <link rel="icon" href="data:,">
        <style>\(style)</style>
        </head>
        <body>
        \(markup)
        <script>\(script)</script>
        </body>
        </html>

        """
}
