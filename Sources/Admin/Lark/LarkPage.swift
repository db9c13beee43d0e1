import Crypto
import Foundation
import ProxyCore

/// The plain pages a browser sees at the end of a login.
enum LarkPage {
    static func success() -> LocalResponse {
        page(200, title: "Lark is connected", text: "The token is stored. You can close this page.", vendor: nil)
    }

    /// - Parameter vendor: Lark's own words; they are escaped.
    static func failure(_ status: Int, _ text: String, vendor: String? = nil) -> LocalResponse {
        page(status, title: "Lark is not connected", text: text, vendor: vendor)
    }

    private static func page(_ status: Int, title: String, text: String, vendor: String?) -> LocalResponse {
        let quote = vendor.map { "<p>Lark says: <q>\(String($0.prefix(500)).htmlEscaped)</q></p>" } ?? ""
        let html = """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
            <title>\(title.htmlEscaped)</title><style>\(style)</style></head>
            <body><h1>\(title.htmlEscaped)</h1><p>\(text.htmlEscaped)</p>\(quote)</body></html>

            """
        var response = LocalResponse.plain(status, html, type: "text/html; charset=utf-8")
        response.headers.append(("content-security-policy", policy))
        response.headers.append(("referrer-policy", "no-referrer"))
        return response
    }

    private static let style =
        ":root{color-scheme:light dark;font:1rem/1.5 system-ui,sans-serif}body{max-width:40rem;margin:4rem auto;padding:0 1rem}"

    private static let policy =
        "default-src 'none'; style-src '\(ContentHash.source(of: style))'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

/// Hashes by which a Content-Security-Policy knows inline styles and scripts.
enum ContentHash {
    static func source(of text: String) -> String {
        "sha256-" + Data(SHA256.hash(data: Array(text.utf8))).base64EncodedString()
    }
}
