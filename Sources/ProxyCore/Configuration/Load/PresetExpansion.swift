/// Fills in what a preset says, before anything is decoded: to the schema it is as if it had been written out. What is written
/// beside `preset` wins, and keeps its own place.
struct PresetExpansion {
    let context: LoadContext

    private typealias Keys = Schema.UpstreamKeys

    /// The file with its upstreams written out.
    func expand(_ root: YAMLNode) -> YAMLNode {
        let key = Schema.Root.upstreams.name
        guard let upstreams = root.entry(key)?.value, case .mapping(let entries) = upstreams.content else { return root }
        let expanded = entries.map { entry in
            entry.with(expand(upstream: entry.value, context.path(key, entry.shownKey)))
        }
        return root.replacing(key, upstreams.with(expanded))
    }

    private func expand(upstream: YAMLNode, _ path: String) -> YAMLNode {
        guard case .mapping(let written) = upstream.content, let name = upstream.entry(Keys.preset.name)?.value else {
            return upstream
        }
        // What is wrong with the name is told when it is decoded.
        guard let preset = Keys.preset.kind.decode(name, context.path(path, Keys.preset.name), context),
            case .mapping(let filled)? = preset.node?.content
        else { return upstream }
        context.add(preset.source)
        warnAboutDialect(upstream, preset, path)
        if let warning = preset.warning { context.warning(at: name, context.path(path, Keys.preset.name), warning) }
        var entries = written.map { entry in
            filled.first { $0.key == entry.key }.map { entry.with(merge($0.value, entry.value, under: entry.key)) } ?? entry
        }
        entries += filled.filter { entry in
            upstream.entry(entry.key) == nil && !(entry.key == Keys.url.name && preset.needsURL)
        }
        return upstream.with(entries)
    }

    private func merge(_ filled: YAMLNode, _ written: YAMLNode, under key: String) -> YAMLNode {
        guard case .mapping(let presets) = filled.content, case .mapping(let own) = written.content else { return written }
        switch key {
        // Later entries win, and two may have one glob.
        case Schema.ConversionKeys.capabilities.name: return written.with(presets + own)
        case Keys.headers.name: return written.with(presets.filter { !Self.names($0.key, in: own) } + own)
        default:
            let merged = own.map { entry in
                presets.first { $0.key == entry.key }.map { entry.with(merge($0.value, entry.value, under: "")) } ?? entry
            }
            return written.with(merged + presets.filter { written.entry($0.key) == nil })
        }
    }

    /// Names of headers are the same in upper and lower case.
    private static func names(_ header: String, in own: [YAMLEntry]) -> Bool {
        own.contains { $0.key.lowercased() == header.lowercased() }
    }

    /// A preset's address speaks the preset's format.
    private func warnAboutDialect(_ upstream: YAMLNode, _ preset: Preset, _ path: String) {
        guard let dialect = preset.dialect, let written = upstream.entry(Keys.dialect.name)?.value,
            case .scalar(let scalar) = written.content, scalar.text != dialect, upstream.entry(Keys.url.name) == nil
        else { return }
        context.warning(
            at: written, context.path(path, Keys.dialect.name),
            "the preset '\(preset.name)' is for '\(dialect)': its address may not speak another format; write the 'url' that does"
        )
    }
}

extension YAMLNode {
    /// The same place with other entries.
    fileprivate func with(_ entries: [YAMLEntry]) -> YAMLNode {
        var node = self
        node.content = .mapping(entries)
        return node
    }

    fileprivate func replacing(_ key: String, _ value: YAMLNode) -> YAMLNode {
        guard case .mapping(let entries) = content else { return self }
        return with(entries.map { $0.key == key ? $0.with(value) : $0 })
    }
}

extension YAMLEntry {
    fileprivate func with(_ value: YAMLNode) -> YAMLEntry {
        var entry = self
        entry.value = value
        return entry
    }
}
