import RuleEngine

extension Schema {
    /// `upstreams.<name>.models`.
    enum ModelSourceKeys {
        static let discover = Key(
            "discover", .boolean, .value("true"), "Ask it for its own list of models, at the start and then `every` so often.")
        static let every = Key(
            "every", .duration(.seconds(1)...(.seconds(7 * 86_400))), .value("1h"), "How often its list is asked for.")
        static let list = Key(
            "list", .list(.text("a model")), .value("[]"), "Models that it has, whether it lists them or not.")
        static let hide = Key(
            "hide", .list(.modelGlob), .value("[]"), "Globs over names of its own list that are not shown: `[\"*-audio-*\"]`.")

        static let kind: Kind<ModelSource> = .mapping(Mapping(discover, every, list, hide)) { section in
            var source = ModelSource()
            source.discover = section[discover, or: true]
            source.every = section[every, or: source.every]
            source.list = section[list, or: []]
            source.hide = section[hide, or: []]
            return source
        }
    }
}
