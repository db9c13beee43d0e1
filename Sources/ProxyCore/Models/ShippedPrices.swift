import RuleEngine

/// What the models of presets cost and hold, as their vendors' pages had it (`etc/prices.yaml`).
public struct ShippedPrices: Sendable {
    /// The vendors, by the names of their presets.
    let vendors: [String: Vendor]

    /// Those that are compiled in.
    public static let all = ShippedPrices(table: table)

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

        /// - Parameter row: nothing, the name, prices, tokens.
        fileprivate init(row: [ArraySlice<UInt8>]) {
            func number(_ field: Int) -> Int? {
                row[field].isEmpty ? nil : row[field].reduce(0) { $0 * 10 + Int($1 &- UInt8(ascii: "0")) }
            }
            name = PricedName(String(decoding: row[1], as: UTF8.self))
            var price = Price()
            price.input = number(2) ?? 0
            price.output = number(3) ?? 0
            price.cacheRead = number(4)
            price.cacheWrite = number(5)
            price.cacheWriteHour = number(6)
            price.reasoning = number(7)
            self.price = price
            context = number(8)
            maxOutput = number(9)
        }
    }

    /// - Parameter table: as `Tools/prices.py` writes it; what cannot be read is left out.
    init(table: String) {
        var (vendors, head, models) = ([String: Vendor](), [String](), [Model]())
        func end() {
            guard head.count == 5 else { return }
            let vendor = Vendor(page: head[1], date: head[2], reportsCost: head[3] == "true", models: models)
            for name in [head[0]] + head[4].split(separator: ",").map(String.init) where vendors[name] == nil {
                vendors[name] = vendor
            }
        }
        for line in Array(table.utf8).split(separator: UInt8(ascii: "\n")) {
            let fields = line.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false)
            if fields[0].isEmpty {
                if fields.count == 10 { models.append(Model(row: fields)) }
            } else {
                end()
                (head, models) = (fields.map { String(decoding: $0, as: UTF8.self) }, [])
            }
        }
        end()
        self.vendors = vendors
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
