import RuleEngine

/// What the models of presets cost and hold, as their vendors' pages had it (`etc/prices.yaml`).
public struct ShippedPrices: Sendable {
    /// The vendors, by the names of their presets.
    let vendors: [String: Vendor]

    /// Those that are compiled in.
    public static let all = ShippedPrices(source)

    public struct Vendor: Sendable {
        /// Where the prices are from, and when they were so.
        public let page: String
        public let date: String
        /// Whether it tells with its answers what they cost.
        public let reportsCost: Bool
        /// The longest name first.
        public let models: [Model]

        /// The longest name that fits.
        public func model(_ name: String) -> Model? { models.first { $0.name.fits(name) } }
    }

    public struct Model: Sendable {
        public let name: PricedName
        public let price: Price
        /// Tokens that a conversation may have.
        public let context: Int?
        /// Tokens of an answer.
        public let maxOutput: Int?
    }

    /// What cannot be read is left out; a test reads what is compiled in.
    init(_ text: String) {
        let (decoded, _) = Self.decode(text)
        vendors = Dictionary(decoded.flatMap { name, file in ([name] + file.also).map { ($0, file.vendor) } }) { first, _ in first
        }
    }

    /// The entries of such a file, and what is wrong with it.
    static func decode(_ text: String) -> ([(name: String, value: ShippedVendorFile)], [String]) {
        let context = LoadContext(directory: "", environment: [:], files: InputFiles())
        let kind = Schema.Kind<[(name: Located<String>, value: ShippedVendorFile)]>.entries(
            Schema.ShippedVendorKeys.kind, naming: "preset")
        let read = YAMLReader.read(Array(text.utf8), file: "prices.yaml")
        guard let node = read.node else { return ([], ["no YAML"]) }
        let decoded = kind.decode(node, "", context) ?? []
        return (decoded.map { ($0.name.value, $0.value) }, context.finish().map(\.message))
    }

    /// What is known of a preset's models; nil where no preset is, or one without prices.
    func vendor(_ preset: String?) -> Vendor? { preset.flatMap { vendors[$0] } }
}

/// A model's name in a list of prices: itself, its dated names, and what its stars take.
public struct PricedName: Sendable, Hashable {
    public let text: String
    private let glob: Glob?

    public init(_ text: String) {
        self.text = text
        glob = text.utf8.contains(UInt8(ascii: "*")) ? Glob(text) : nil
    }

    func fits(_ model: String) -> Bool {
        if let glob { return glob.matches(model) }
        let (name, model) = (text.utf8, model.utf8)
        guard model.starts(with: name) else { return false }
        return model.count == name.count || Self.isVersion(model.dropFirst(name.count))
    }

    /// `-20250929`, `-2025-08-07`, `-2512`, `@20250929`, `-latest`, `-preview`, `-preview-09-2025`: the same model at a time.
    private static func isVersion(_ rest: Substring.UTF8View) -> Bool {
        guard let first = rest.first, first == UInt8(ascii: "-") || first == UInt8(ascii: "@") else { return false }
        let words = rest.dropFirst().split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        return words.allSatisfy { word in
            if word.elementsEqual("latest".utf8) || word.elementsEqual("preview".utf8) { return true }
            // A number of fewer digits is a version or a size.
            let isDigits = !word.isEmpty && word.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            return isDigits && (word.count == 8 || word.count == 4 || (word.count == 2 && words.count > 1))
        }
    }
}

/// A vendor's entry of `etc/prices.yaml`.
struct ShippedVendorFile: Sendable {
    var also: [String]
    var vendor: ShippedPrices.Vendor
}

extension Schema {
    enum ShippedVendorKeys {
        static let also = Key("also", .list(.text("a preset")), .value("[]"), "Further presets of the same prices.")
        static let page = Key("page", .text("an address"), .required, "The vendor's page.")
        static let date = Key("date", .text("a date"), .required, "When it was so.")
        static let reports = Key("reports", .boolean, .value("false"), "Whether answers tell what they cost.")
        static let models = Key(
            "models", .entries(ShippedModelKeys.kind, naming: "model"), .none("none"), "The models.")

        static let kind: Kind<ShippedVendorFile> = .mapping(Mapping(also, page, date, reports, models)) { section in
            let models = (section[models] ?? []).map { name, value in
                ShippedPrices.Model(
                    name: PricedName(name.value), price: value.price, context: value.context, maxOutput: value.maxOutput)
            }
            let vendor = ShippedPrices.Vendor(
                page: section[page, or: ""], date: section[date, or: ""], reportsCost: section[reports, or: false],
                models: models.sorted { ($1.name.text.utf8.count, $0.name.text) < ($0.name.text.utf8.count, $1.name.text) })
            return ShippedVendorFile(also: section[also, or: []], vendor: vendor)
        }
    }

    enum ShippedModelKeys {
        static let context = Key("context", .count(1...100_000_000), .none("not known"), "Tokens of a conversation.")
        static let maxOutput = Key("max_output", .count(1...100_000_000), .none("not known"), "Tokens of an answer.")

        static let kind: Kind<(price: Price, context: Int?, maxOutput: Int?)> = .mapping(
            Mapping(keys: PriceKeys.mapping.keys + [context, maxOutput])
        ) { section in
            (PriceKeys.price(section), section[context], section[maxOutput])
        }
    }
}

extension ShippedPrices {
    /// What is known of a preset's model.
    public func known(_ model: String, preset: String?) -> Model? { vendor(preset)?.model(model) }

    func names(_ vendor: Vendor) -> [String] { vendor.models.map(\.name.text).filter { !$0.contains("*") } }

    /// A preset's models that have one name.
    public func knownNames(ofPreset preset: String) -> [String] { vendor(preset).map(names) ?? [] }

    /// All models that have one name.
    public var knownNames: [String] {
        Set(vendors.values.flatMap(names)).sorted()
    }
}
