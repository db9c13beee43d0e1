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
            "localStorage", "document.cookie",
        ])
    func contains(_ text: String) async {
        let body = await page().text.replacing("http://www.w3.org/2000/svg", with: "")
        #expect(!body.contains(text))
    }

    @Test("Every element is called once, and the script knows none that is not there")
    func names() {
        let there = Dashboard.markup.matches(of: /\sid="([^"]+)"/).map { String($0.output.1) }
        #expect(there.count == Set(there).count)
        let wanted = Set(Dashboard.script.matches(of: /\$\("([^"]+)"\)/).map { String($0.output.1) })
        #expect(wanted.count >= 25)
        let missing = wanted.subtracting(there)
        #expect(missing.isEmpty, "\(missing.sorted())")
    }

    @Test("What the script fills is emptied when the key is forgotten")
    func leftovers() {
        let emptied = Set(Dashboard.markup.matches(of: /\sid="([^"]+)"[^>]*data-live/).map { String($0.output.1) })
        let filled = /\$\("([^"]+)"\)\.replaceChildren|(?:fill|bars)\("([^"]+)"/
        let names = Dashboard.script.matches(of: filled).compactMap { ($0.output.1 ?? $0.output.2).map { String($0) } }
        #expect(names.count > 20)
        // What one may sign in with, and the alerts' word in the navigation, are nobody's.
        let left = Set(names).subtracting(emptied).subtracting(["ways", "to-alerts"])
        #expect(left.isEmpty, "\(left.sorted())")
    }

    @Test("Every call of the script has somebody who answers it")
    func calls() {
        let paths = Dashboard.script.matches(of: /(?:call|ask|seldom)\(["`]([a-z]+)/).map { String($0.output.1) }
        #expect(
            Set(paths).isSuperset(of: ["usage", "limits", "requests", "keys", "fallback", "config", "now", "whoami", "explain"]))
        // Where there are none the page does without.
        for path in paths where !["alerts", "login", "logout"].contains(path) {
            #expect(LocalEndpoint(path: "/admin/" + path) != .admin(.unknown), "\(path)")
        }
    }

    @Test("Each view has its place in the page and in the navigation")
    func views() {
        let places = Set(Dashboard.markup.matches(of: /\sid="view-([a-z]+)"/).map { String($0.output.1) })
        let links = Set(Dashboard.markup.matches(of: /href="#([a-z]+)"/).map { String($0.output.1) })
        #expect(places.count == 10)
        #expect(links.subtracting(["main"]) == places)
    }

    @Test("Every input has a name, every table a caption and every head of a column its scope")
    func labels() {
        for input in Dashboard.markup.matches(of: /<(?:input|select|textarea)[^>]*>/) {
            let tag = String(input.output)
            let before = Dashboard.markup[..<input.range.lowerBound].suffix(60)
            let isLabelled = tag.contains("aria-label") || before.contains("<label") || tag.contains("id=\"secret\"")
            #expect(isLabelled, "\(tag)")
        }
        let tables = Dashboard.markup.matches(of: /<table>/).count
        #expect(tables == Dashboard.markup.matches(of: /<caption/).count)
        #expect(Dashboard.markup.matches(of: /<th\s/).count == Dashboard.markup.matches(of: /<th scope="col"/).count)
        #expect(!Dashboard.markup.contains("<th>"))
    }

    @Test("Without its slash the page is found all the same")
    func redirect() async {
        let response = await AdminFixture().respond(to: .to("GET", "/admin"))
        #expect(response.status == 308)
        #expect(response.header("location") == "admin/")
    }
}
