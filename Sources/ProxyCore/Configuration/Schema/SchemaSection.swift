extension Schema.Key {
    /// The value of a file that does not have the key.
    var byDefault: Value {
        let context = LoadContext(directory: "", environment: [:], files: InputFiles())
        guard case .value(let text) = absence, let value = kind.decode(context.node(ofDefault: text), name, context) else {
            preconditionFailure("the schema has no default for '\(name)', or one that does not fit")
        }
        return value
    }
}

extension Schema {
    /// A mapping of the file, read by its schema. Making one reports the keys that do not belong.
    struct Section {
        let path: String
        let location: SourceLocation
        let context: LoadContext
        /// A few, looked through: most sections have no more, and a table of them costs more to make.
        private let entries: [YAMLEntry]
        /// Keys that are there under another program's name or with a slip in theirs, which has its own error.
        private let misnamed: Set<String>

        /// nil after an error, when the node is no mapping.
        init?(_ node: YAMLNode, _ path: String, _ mapping: Mapping, _ context: LoadContext) {
            var entries: [YAMLEntry] = []
            var misnamed: Set<String> = []
            switch node.content {
            case .mapping(let list):
                for entry in list {
                    // The user's own, at the top: a place for anchors.
                    if path.isEmpty, entry.key.hasPrefix("x-") { continue }
                    guard let key = mapping[entry.key] else {
                        if let meant = context.unknown(entry, in: mapping, path: path) { misnamed.insert(meant) }
                        continue
                    }
                    entries.append(entry)
                    if let inactive = key.inactive {
                        context.warning(
                            Located(
                                value: (), location: entry.keyLocation, length: entry.keyLength,
                                path: context.path(path, entry.shownKey)),
                            "accepted, but not active in this version: \(inactive)")
                    }
                }
            case .scalar(let scalar) where scalar.isNull:
                break
            case .scalar, .sequence:
                if mapping.holdsSecret { context.hideWhatShouldHoldMore(node) }
                let names = mapping.keys.prefix(8).map(\.name).joined(separator: ", ")
                context.error(
                    at: node, path,
                    "expected a mapping of \(names)\(mapping.keys.count > 8 ? ", …" : ""); found \(node.noun)")
                return nil
            }
            self.entries = entries
            self.misnamed = misnamed
            self.path = path
            self.location = node.start
            self.context = context
        }

        /// The key's value or its default; nil when it has none, and after an error was reported.
        subscript<Value>(_ key: Key<Value>) -> Value? {
            if let index = index(of: key.name) {
                return key.kind.decode(entries[index].value, self.path(of: key.name), context)
            }
            switch key.absence {
            case .none, .inherited:
                return nil
            case .required:
                if misnamed.contains(key.name) { return nil }
                context.error(at: location, self.path, "'\(key.name)' is missing")
                return nil
            case .value(let text):
                return key.kind.decode(context.node(ofDefault: text), self.path(of: key.name), context)
            }
        }

        /// The same; `fallback` stands in after an error, when nothing will come of the file anyway.
        subscript<Value>(_ key: Key<Value>, or fallback: @autoclosure () -> Value) -> Value {
            self[key] ?? fallback()
        }

        func has(_ key: any AnyKey) -> Bool { index(of: key.name) != nil }

        /// Whether another program's name for the key stands there, or its own with a slip in it.
        func isMisnamed(_ key: any AnyKey) -> Bool { misnamed.contains(key.name) }

        func node(_ key: any AnyKey) -> YAMLNode? { index(of: key.name).map { entries[$0].value } }

        /// The path of a key of the schema. Its names need no quotes.
        private func path(of name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

        /// The entry of that name; where it is there twice, the later one.
        private func index(of name: String) -> Int? { entries.lastIndex { $0.key == name } }

        /// The key's place when its list or mapping holds nothing. One that stands where the other belongs has its own error.
        func place(ofEmpty key: any AnyKey) -> Located<Void>? {
            guard let content = node(key)?.content else { return nil }
            switch (key.shape, content) {
            case (.list, .sequence(let items)), (.oneOrList, .sequence(let items)): return items.isEmpty ? place(key) : nil
            case (.entries, .mapping(let entries)): return entries.isEmpty ? place(key) : nil
            case (.list, .scalar(let scalar)), (.entries, .scalar(let scalar)): return scalar.isNull ? place(key) : nil
            case (.scalar, _), (.list, _), (.oneOrList, _), (.entries, _), (.mapping, _), (.either, _), (.json, _): return nil
            }
        }

        /// Warns that an empty list of addresses to be let in lets all in.
        func warnAboutEmpty(_ addresses: Key<[AddressRange]>) {
            guard let empty = place(ofEmpty: addresses) else { return }
            context.warning(empty, "is empty, and so allows every address; leave it out where that is meant")
        }

        /// The user's own names in a mapping.
        func names(in key: any AnyKey) -> [Located<String>] {
            guard case .mapping(let entries)? = node(key)?.content else { return [] }
            return entries.map { entry in
                Located(
                    value: entry.key, location: entry.keyLocation, length: entry.keyLength,
                    path: context.path(context.path(path, key.name), entry.shownKey), isReference: entry.writtenKey != nil)
            }
        }

        func place(_ key: any AnyKey) -> Located<Void>? {
            index(of: key.name).map {
                Located(
                    value: (), location: entries[$0].keyLocation, length: key.name.unicodeScalars.count,
                    path: path(of: key.name))
            }
        }
    }
}
