extension Schema.Kind where Value == Preset {
    /// The name of one of the program's presets, or the path of a file of one's own that holds one.
    static var preset: Self {
        Self(
            shape: .scalar(
                Schema.Scalar(
                    noun: "preset", pattern: "\(PresetCatalog.builtIn.names.joined(separator: "|"))|[\\s\\S]*(/[\\s\\S]*|\\.yaml)"
                ))
        ) { node, path, context in
            guard let text = context.text(node, path, expecting: "a preset") else { return nil }
            if let preset = context.presets[text.value] { return preset }
            guard text.value.contains("/") || text.value.hasSuffix(".yaml") else {
                let problem = context.presets.unknown(text.value)
                context.error(at: node, path, text.holdsReference ? "the reference stands for no preset" : problem)
                return nil
            }
            switch context.preset(inFile: text.value) {
            case .success(let preset): return preset
            case .failure(let failure):
                let name = text.holdsReference ? "the file" : LoadContext.quoted(text.value)
                context.error(at: node, path, "\(name): \(failure.message)")
                return nil
            }
        }
    }
}

extension LoadContext {
    /// A file that holds a preset of the user's: its name is the preset's.
    fileprivate func preset(inFile path: String) -> Result<Preset, InputFiles.Failure> {
        let file = resolve(path: path)
        switch files.read(file) {
        case .failure(let failure): return .failure(failure)
        case .success(let content):
            let last = file.split(separator: "/").last.map(String.init) ?? file
            let name = last.hasSuffix(".yaml") ? String(last.dropLast(5)) : last
            let preset = Preset(name: name, text: String(decoding: content.bytes, as: UTF8.self), file: file)
            if let problem = preset.problems.first {
                return .failure(InputFiles.Failure(message: "line \(problem.location.line): \(problem.message)"))
            }
            guard case .mapping? = preset.node?.content else {
                return .failure(InputFiles.Failure(message: "is no mapping of an upstream's keys"))
            }
            guard preset.node?.entry(Schema.UpstreamKeys.preset.name) == nil else {
                return .failure(InputFiles.Failure(message: "names a preset itself"))
            }
            return .success(preset)
        }
    }
}
