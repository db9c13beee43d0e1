import RuleEngine

extension Schema {
    /// Prices by model, and what becomes of those without one.
    enum PricesKeys {
        static let unknown = Key(
            "unknown", Kind<UnknownPrice>.choice("way to deal with unknown prices"), .value("warn"),
            "What becomes of requests for models without a price.")

        /// Every key but `unknown` names a model; a model of that name has a mapping as its price.
        static let kind: Kind<DecodedPrices> = {
            let shape = Shape.entries(
                .either(short: unknown.shape, long: PriceKeys.kind.shape, spelledOut: { _ in [] }), naming: "model")
            return Kind<DecodedPrices>(shape: shape) { node, path, context in
                switch node.content {
                case .mapping(let entries):
                    var decoded = DecodedPrices()
                    for entry in entries {
                        let place = context.path(path, entry.shownKey)
                        if entry.key == unknown.name, case .scalar = entry.value.content {
                            decoded.unknown = unknown.kind.decode(entry.value, place, context)
                        } else if let price = PriceKeys.kind.decode(entry.value, place, context) {
                            if decoded.byModel[entry.key] == nil { decoded.byModel[entry.key] = price }
                            guard entry.value.entry(PriceKeys.input.name) == nil else { continue }
                            context.warning(
                                at: entry.value, place,
                                "names no price of input, which costs nothing then; write 'input: 0' where that is meant")
                        }
                    }
                    return decoded
                case .scalar(let scalar) where scalar.isNull:
                    return DecodedPrices()
                case .scalar, .sequence:
                    context.error(at: node, path, "expected a mapping, found \(node.noun)")
                    return nil
                }
            }
        }()
    }

    /// A name of the operator's own.
    enum ModelAliasKeys {
        static let to = Key(
            "to", .located(.text("a model")), .required,
            "`upstream/model`, which is a rule of its own with one tier; or a model that goes on through the rules.")
        static let displayName = Key(
            "display_name", .text("a name"), .none("the name"), "What lists of models show to people.")

        static let kind: Kind<DecodedAlias> = .either(
            Kind<Located<String>>.located(.text("a model")).map { to, _, _, _ in DecodedAlias(to: to, displayName: nil) },
            .mapping(Mapping(to, displayName)) { section in
                let name = section[displayName]
                return section[to].map { DecodedAlias(to: $0, displayName: name) }
            }, spelledOut: { [(to.name, $0)] })

        static let entries = Kind<[(name: Located<String>, value: DecodedAlias)]>.entries(kind, naming: "model")
    }
}

/// The section `prices`, as decoded.
struct DecodedPrices: Sendable {
    var byModel: [String: Price] = [:]
    var unknown: UnknownPrice?
}

/// A name that stands for a model, as decoded.
struct DecodedAlias: Sendable {
    var to: Located<String>
    var displayName: String?
}
