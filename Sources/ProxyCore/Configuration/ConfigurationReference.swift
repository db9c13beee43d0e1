/// The reference of `proxy.yaml`, made from the schema: a page for people, a JSON Schema for editors.
public enum ConfigurationReference {
    /// `docs/reference/configuration.md`.
    public static func markdown() -> String {
        var page = """
            <!-- Made from the schema by `make reference`; edit Sources/ProxyCore/Configuration/Schema instead. -->
            # Configuration reference

            Every key of `proxy.yaml`. `proxyd --check-config -c FILE` checks a file against it, and
            [proxy.schema.json](proxy.schema.json) lets an editor do so
            (`# yaml-language-server: $schema=proxy.schema.json`).

            ## Values

            | kind | written as | notes |
            |---|---|---|

            """
        for (kind, form, note) in values { page += "| \(kind) | \(form) | \(note) |\n" }
        page += """

            Where a list is meant, a single item stands for a list of one, but for a text with a comma in it.
            Keys that are not known are errors, but for those at the top that begin with `x-`: they are yours, a place for anchors.
            YAML anchors, aliases and merge keys (`<<`) work. A file has at most 1 MiB,
            64 levels and 100,000 values once aliases are expanded. Paths of files to read (`include`, `${file:…}`,
            certificates) are relative to the configuration file; paths of files that proxyd writes (`state`,
            `lark.token_file`) are relative to where it runs.

            """
        write(Schema.Root.mapping, title: "Top level", path: "", to: &page)
        return page
    }

    private static let values: [(String, String, String)] = [
        (
            "reference", "`${NAME}` `${NAME:-default}` `${file:/path}` `${credential:NAME}` `${sealed:v1:…}`",
            "inside any value; `$$` is a dollar. One that is missing or empty is an error. `credential` reads "
                + "`$CREDENTIALS_DIRECTORY`; `sealed` is made by `proxyd seal` and opened with `PROXYD_SEAL_KEY`"
        ),
        ("duration", "`500ms` `30s` `5m` `1h` `7d`", "a number without a unit is an error"),
        ("size", "`32KiB` `10MB`", "units B, KB, MB, GB (1000) and KiB, MiB, GiB (1024); a bare number is bytes"),
        ("share", "`5%` or `0.05`", ""),
        ("count", "`400k` `20M` or digits", "units k, M, G"),
        ("amount of money", "`200 USD`", "at most nine decimals"),
        ("price", "`15` `0.075`", "USD per million tokens, at most nine decimals"),
        ("secret", "a reference or a literal", "never printed"),
    ]

    private static func write(_ mapping: Schema.Mapping, title: String, path: String, to page: inout String) {
        page += "\n## \(title)\n\n| key | value | without it | meaning |\n|---|---|---|---|\n"
        for key in mapping.keys {
            let note = key.inactive.map { " **Not active in this version:** \($0)." } ?? ""
            page += "| `\(key.name)` | \(cell(form(key.shape))) | \(cell(absence(key))) | \(cell(key.doc))\(cell(note)) |\n"
        }
        for key in mapping.keys {
            for (nested, suffix) in nestedMappings(key.shape) {
                let path = (path.isEmpty ? "" : "\(path).") + key.name + suffix
                write(nested, title: "`\(path)`", path: path, to: &page)
            }
        }
    }

    /// The mappings inside a shape, each with what its path adds to the key's.
    private static func nestedMappings(_ shape: Schema.Shape) -> [(Schema.Mapping, String)] {
        switch shape {
        case .scalar, .json: []
        case .mapping(let mapping): [(mapping, "")]
        case .list(let item), .oneOrList(let item): nestedMappings(item).map { ($0.0, "[]" + $0.1) }
        case .entries(let item, let naming): nestedMappings(item).map { ($0.0, ".<\(naming)>" + $0.1) }
        case .either(let short, let long, _): nestedMappings(short) + nestedMappings(long)
        }
    }

    private static func form(_ shape: Schema.Shape) -> String {
        switch shape {
        case .scalar(let scalar):
            let choices = scalar.choices.map { "`\($0)`" }.joined(separator: ", ")
            return (choices.isEmpty ? scalar.noun : choices) + (scalar.bounds.map { ", \($0)" } ?? "")
        case .list(let item): return "list of: \(form(item))"
        case .oneOrList(let item): return "one or a list of: \(form(item))"
        case .entries(let item, let naming): return "mapping from \(naming) to: \(form(item))"
        case .mapping: return "mapping, below"
        case .either(let short, let long, _): return "\(form(short)); or \(form(long))"
        case .json: return "mapping of anything JSON can say"
        }
    }

    private static func absence(_ key: any Schema.AnyKey) -> String {
        switch key.absence {
        case .required: return "an error"
        case .none(let text): return text
        case .inherited(let text): return text
        case .value("{}"), .value("[]"):
            if case .mapping = key.shape { return "the defaults" }
            return "none"
        case .value(let text): return "`\(text)`"
        }
    }

    private static func cell(_ text: String) -> String {
        text.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
    }
}
