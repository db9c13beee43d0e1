import ArgumentParser
import ProxyCore

/// Prints what is generated from the schema; `make reference` writes it to the files that are committed.
struct Reference: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reference", abstract: "Print the configuration reference, its JSON Schema, or the manual page.",
        shouldDisplay: false)

    enum Kind: String, ExpressibleByArgument, CaseIterable { case markdown, schema, man }

    @Argument(help: "markdown, schema or man.")
    var kind = Kind.markdown

    func run() throws {
        switch kind {
        case .markdown: print(ConfigurationReference.markdown(), terminator: "")
        case .schema: print(ConfigurationReference.jsonSchema(), terminator: "")
        case .man: print(try ManualPage(dump: Proxyd._dumpHelp()).roff(), terminator: "")
        }
    }
}
