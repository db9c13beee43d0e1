/// Alerts to a webhook.
extension Schema {
    enum AlertKeys {
        static let webhook = Key(
            "webhook", .secretAddress, .none("alerts are shown, and sent to nobody"),
            "Who is told, by a POST, when something begins to be wrong and when it is over: an `http` or `https` URL. It counts as "
                + "a secret.")
        static let format = Key(
            "format", Kind<Configuration.Alerts.Format>.choice("format"), .value("generic"),
            "`generic`: a JSON object with `alert`, `severity`, `text`, `at` and `labels`; `slack` and `lark`: what their "
                + "incoming webhooks take.")
        static let budgets = Key(
            "budgets", .list(.share), .value("[80%, 100%]"),
            "Shares of a budget at which its spending is an alert; empty for never.")
        static let certificate = Key(
            "certificate", .duration(.seconds(1)...(.seconds(36_500 * 86_400))), .value("14d"),
            "How long before its end a listener's certificate is an alert.")

        static let kind: Kind<Configuration.Alerts> = .mapping(Mapping(webhook, format, budgets, certificate)) { section in
            var alerts = Configuration.Alerts()
            alerts.webhook = section[webhook]
            let said = section[format]
            alerts.format = said ?? alerts.format
            let shares = section[budgets, or: alerts.budgets]
            if shares.contains(0), let place = section.place(budgets) {
                section.context.error(place, "0% of a budget is spent from the start; write shares such as 80%")
            }
            alerts.budgets = Set(shares).sorted()
            alerts.certificate = section[certificate, or: alerts.certificate]
            if let said, let wanted = alerts.webhook.flatMap(Self.format(takenBy:)), wanted != said,
                let place = section.place(section.has(format) ? format as any AnyKey : webhook as any AnyKey)
            {
                section.context.warning(
                    place,
                    "messages are of the format '\(said.rawValue)', which this address does not take; write format: "
                        + wanted.rawValue)
            }
            return alerts
        }

        /// The only format that a chat's own address takes; nil for any other address.
        private static func format(takenBy webhook: Secret) -> Configuration.Alerts.Format? {
            guard let url = try? UpstreamURL.parse(webhook.reveal(), shown: "", .withQuery) else { return nil }
            switch url.host.lowercased() {
            case "hooks.slack.com": return .slack
            case "open.larksuite.com", "open.feishu.cn": return .lark
            default: return nil
            }
        }
    }
}

extension Schema.Kind where Value == Secret {
    /// An absolute `http` or `https` URL whose path or query lets whoever has it write there: never shown.
    static var secretAddress: Self {
        let shape = Schema.Scalar(noun: "URL", pattern: Schema.Pattern.web, isSecret: true, shown: Schema.Shown.redacted)
        return Self(shape: .scalar(shape)) { node, path, context in
            context.hide(node)
            guard let text = context.text(node, path, expecting: "a URL") else { return nil }
            do throws(Schema.Problem) {
                let url = try UpstreamURL.parse(text.value, shown: "the URL", .withQuery)
                let isLocal = ["127.0.0.1", "::1", "localhost"].contains(url.host)
                if !text.holdsReference, !isLocal { context.literalSecret(node, path) }
                return Secret(text.value)
            } catch {
                context.error(at: node, path, error.message)
                return nil
            }
        }
    }
}
