extension PriceList {
    /// Why a file is no list of prices, as it is printed.
    public struct FileProblem: Error {
        public let text: String
    }

    /// The `prices:` of a file, which may hold nothing else, or be a whole configuration.
    public static func load(_ bytes: [UInt8], path: String, environment: [String: String]) -> Result<PriceList, FileProblem> {
        guard bytes.count <= 16 << 20 else {
            return .failure(FileProblem(text: "proxyd: \(path) has more than 16 MiB\n"))
        }
        let context = LoadContext(directory: "", environment: environment, files: InputFiles())
        let read = YAMLReader.read(bytes, file: path)
        guard let node = read.node?.entry(Schema.Root.prices.name)?.value else {
            return .failure(FileProblem(text: "proxyd: \(path) has no 'prices:'\n"))
        }
        let prices = Schema.PricesKeys.kind.decode(node, Schema.Root.prices.name, context)
        let errors = context.finish().filter { $0.severity == .error }
        guard errors.isEmpty, let prices else { return .failure(FileProblem(text: DiagnosticRenderer.text(errors))) }
        return .success(PriceList(prices.byModel, unknown: prices.unknown ?? .warn, upstreams: []))
    }
}
