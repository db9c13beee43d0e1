import Dialects
import Foundation
import ProxyCore
import RuleEngine

/// Who an issuer says has logged in.
struct Person: Sendable {
    /// What the audit log and the pages say: a verified e-mail address, else another name after the issuer's kind.
    let name: String
    /// What the issuer knows him by for ever.
    let subject: String
    private(set) var claims: JSONObject

    /// - Parameter kind: stands before a name that anybody could choose, so that it is taken for no admin key's.
    init(claims: JSONObject, subject: String, kind: String) {
        self.claims = claims
        self.subject = Self.plain(subject)
        let email = claims["email"]?.string.map(Self.plain)
        // Some say it as a text.
        let isVerified = claims["email_verified"].map { $0.bool ?? ($0.string == "true") } ?? true
        if let email, email.contains("@"), isVerified {
            name = email
        } else {
            let names = ["preferred_username", "name"].compactMap { claims[$0]?.string.map(Self.plain) }
            name = "\(kind):\(names.first { !$0.isEmpty } ?? self.subject)"
        }
    }

    /// A user of Lark's, by what `user_info` says: the address that the organization gave, since anybody sets the other himself.
    init?(lark claims: JSONObject) {
        guard let subject = (claims["union_id"] ?? claims["open_id"])?.string, !subject.isEmpty else { return nil }
        var named = claims
        named["email"] = claims["enterprise_email"]
        self.init(claims: named, subject: subject, kind: "lark")
        self.claims = claims
    }

    /// What the person may do, by an expression of the file's; nil for nothing, with the reason for the log.
    func role(by roles: RoleExpression) -> (role: AdminRole?, reason: String?) {
        let claims = claims.members.map { (name: $0.key, value: RoleExpression.Claim($0.value)) }
        switch roles.evaluate(claims: claims) {
        case .role(""): return (nil, nil)
        case .role(let name):
            guard let role = AdminRole(rawValue: name) else { return (nil, "'\(Self.plain(name))' is no role") }
            return (role, nil)
        case .failed(let message): return (nil, Self.plain(message))
        }
    }

    /// A text for logs and pages: short, in one line.
    static func plain(_ text: String) -> String {
        let scalars = text.unicodeScalars.prefix(200).map { scalar -> Unicode.Scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: "\u{FFFD}"
            default: scalar
            }
        }
        var plain = String.UnicodeScalarView()
        plain.append(contentsOf: scalars)
        return String(plain)
    }
}

extension RoleExpression.Claim {
    init(_ value: JSONValue) {
        switch value {
        case .null: self = .null
        case .bool(let value): self = .bool(value)
        case .number: self = value.int.map { .int($0) } ?? .double(value.double ?? .nan)
        case .string, .unpaired: self = .text(value.string ?? "")
        case .array(let elements): self = .list(elements.map { RoleExpression.Claim($0) })
        case .object(let object): self = .map(object.members.map { ($0.key, RoleExpression.Claim($0.value)) })
        }
    }
}
