import Crypto
import Foundation
import ProxyCore
import Testing

@testable import Admin

@Suite struct DashboardTests {
    private func page() async -> LocalResponse { await AdminFixture().respond(to: .to("GET", "/admin/")) }

    @Test("The page may run its own script and style, and nothing else")
    func policy() async throws {
        let page = await page()
        #expect(page.status == 200)
        #expect(page.header("content-type") == "text/html; charset=utf-8")
        let policy = try #require(page.header("content-security-policy"))
        #expect(policy.hasPrefix("default-src 'none'; script-src 'sha256-"))
        #expect(!policy.contains("unsafe"))
        for tag in ["script", "style"] {
            let open = try #require(page.text.range(of: "<\(tag)>"))
            let close = try #require(page.text.range(of: "</\(tag)>"))
            let content = String(page.text[open.upperBound..<close.lowerBound])
            let hash = Data(SHA256.hash(data: Array(content.utf8))).base64EncodedString()
            #expect(policy.contains("\(tag)-src 'sha256-\(hash)'"))
        }
    }

    @Test(
        "The page is whole in itself and makes no markup of what the API says",
        arguments: [
            "http://", "https://", "innerHTML", "insertAdjacentHTML", "document.write", "eval(", "onclick=\"", "style=\"",
            "localStorage",
        ])
    func contains(_ text: String) async {
        let body = await page().text.replacing("http://www.w3.org/2000/svg", with: "")
        #expect(!body.contains(text))
    }

    @Test("Without its slash the page is found all the same")
    func redirect() async {
        let response = await AdminFixture().respond(to: .to("GET", "/admin"))
        #expect(response.status == 308)
        #expect(response.header("location") == "admin/")
    }
}
