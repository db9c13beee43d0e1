import ArgumentParser
import ProxyCore

/// Lists the presets, or prints one as the body of an upstream.
struct PresetsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "presets", abstract: "List the presets of upstreams, or print one.",
        discussion: """
            An upstream of proxy.yaml with `preset: NAME` gets what the preset says; what is written beside it wins. What is \
            printed can stand in the file instead of the preset's name, to be changed there.
            """)

    @Argument(help: "The preset to print, as the body of an upstream in YAML. Left out: all are listed.")
    var name: String?

    func run() throws {
        let catalog = PresetCatalog.builtIn
        guard let name else {
            let width = catalog.names.map(\.count).max() ?? 0
            for preset in catalog.presets {
                print("\(preset.name)\(String(repeating: " ", count: width - preset.name.count + 2))\(preset.title)")
            }
            return
        }
        guard let preset = catalog[name] else {
            Terminal.error("proxyd: \(catalog.unknown(name))\n")
            throw ExitCode(Exit.usage)
        }
        print(preset.text, terminator: "")
    }
}
