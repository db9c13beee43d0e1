import ArgumentParser
import ProxyCore

/// Prints what is generated from the schema; `make reference` writes it to the files that are committed.
struct Reference: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the configuration reference, or its JSON Schema.", shouldDisplay: false)

    enum Kind: String, ExpressibleByArgument, CaseIterable { case markdown, schema }

    @Argument(help: "markdown or schema.")
    var kind = Kind.markdown

    func run() {
        switch kind {
        case .markdown: print(ConfigurationReference.markdown(), terminator: "")
        case .schema: print(ConfigurationReference.jsonSchema(), terminator: "")
        }
    }
}
