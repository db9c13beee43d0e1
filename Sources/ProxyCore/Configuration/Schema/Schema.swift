import Basics

/// What a configuration file may say. Each key is declared once, here in `Schema`; unknown keys, the reference page, the
/// JSON Schema and the defaults all come from the declaration.
enum Schema {
    /// One key of a mapping: its name, how its value reads, and what happens without it.
    struct Key<Value>: AnyKey {
        let name: String
        let kind: Kind<Value>
        let absence: Absence
        let doc: String
        /// Why the key is accepted but changes nothing yet; nil when it is active.
        let inactive: String?
        let merge: Merge
        /// Whether its list or mapping has to hold something.
        private(set) var isNonEmpty = false

        init(
            _ name: String, _ kind: Kind<Value>, _ absence: Absence, inactive: String? = nil, merge: Merge = .once, _ doc: String
        ) {
            self.name = name
            self.kind = kind
            self.absence = absence
            self.doc = doc
            self.inactive = inactive
            self.merge = merge
        }

        var shape: Shape { kind.shape }

        var nonEmpty: Key {
            var key = self
            key.isNonEmpty = true
            return key
        }

        /// The same key where leaving it out means another value: `text` says which.
        func inheriting(_ text: String) -> Key {
            Key(name, kind, .inherited(text), inactive: inactive, merge: merge, doc)
        }
    }

    /// A key whose value's type does not matter.
    protocol AnyKey: Sendable {
        var name: String { get }
        var shape: Shape { get }
        var absence: Absence { get }
        var doc: String { get }
        var inactive: String? { get }
        var merge: Merge { get }
        var isNonEmpty: Bool { get }
    }

    /// What leaving a key out means.
    enum Absence: Sendable, Hashable {
        case required
        /// Nothing happens; the text says what that is, for the reference.
        case none(String)
        /// The value, as it would be written.
        case value(String)
        /// Another key's value; the text says which.
        case inherited(String)
    }

    /// What happens when an included file has a top-level key that another file has too.
    enum Merge: Sendable {
        case once
        /// Entries of mappings go together; an entry written twice is an error.
        case entries
        /// Lists follow one another.
        case append
    }

    /// The keys that a mapping may have.
    struct Mapping: Sendable {
        let keys: [any AnyKey]
        private(set) var demands: [Demand] = []
        /// What is shown of keys that are left out.
        let absent = AbsentValues()

        init(_ keys: any AnyKey...) {
            self.keys = keys
        }

        init(keys: [any AnyKey]) {
            self.keys = keys
        }

        /// What has to be there or may not, beyond single keys; the sections' closures check it.
        func demanding(_ demands: Demand...) -> Mapping {
            var mapping = self
            mapping.demands = demands
            return mapping
        }

        subscript(_ name: String) -> (any AnyKey)? {
            keys.first { $0.name == name }
        }

        var holdsSecret: Bool { keys.contains { $0.shape.isSecret } }
    }

    /// What a mapping demands of its keys, for the JSON Schema.
    enum Demand: Sendable {
        /// All keys of at least one group.
        case any([[String]])
        /// All keys of exactly one group.
        case one([[String]])
        case not([String])
        case needs(String, String)

        /// Whether an empty mapping is too little.
        var isForSome: Bool {
            switch self {
            case .any, .one: true
            case .not, .needs: false
            }
        }
    }

    /// The form of a value, as far as the reference and an editor care.
    indirect enum Shape: Sendable {
        case scalar(Scalar)
        case list(Shape)
        /// One item, or a list of them.
        case oneOrList(Shape)
        /// A mapping with the user's own names; `naming` says what they name.
        case entries(Shape, naming: String)
        case mapping(Mapping)
        /// Short form and long form; `spelledOut` gives the keys of the long form that a text in the short form stands for.
        case either(short: Shape, long: Shape, spelledOut: @Sendable (String) -> [(key: String, value: String)])
        /// Anything JSON can say.
        case json

        var isSecret: Bool {
            switch self {
            case .scalar(let scalar): scalar.isSecret
            case .entries(let shape, _): shape.isSecret
            case .list, .oneOrList, .mapping, .either, .json: false
            }
        }
    }

    struct Scalar: Sendable {
        enum JSONType: String, Sendable { case string, integer, number, boolean }

        /// What a text may be written as: also a number or a boolean, since proxyd reads what is written.
        static let anyText: [JSONType] = [.string, .number, .boolean]

        /// Whether it may be any text.
        var isFree: Bool { json == Self.anyText || noun == "condition" }

        /// `duration`, for messages and the reference: "expected a duration".
        var noun: String
        var json: [JSONType] = [.string]
        /// Bounds of a number without a unit.
        var least: Int?
        var most: Int?
        /// What a literal looks like (ECMA 262), without anchors; nil for free text.
        var pattern: String?
        var choices: [String] = []
        /// The bounds as the reference shows them: `1ms–7d`.
        var bounds: String?
        var isSecret = false
        /// How `GET /admin/config` shows a value, its references resolved; nil shows the text as it is.
        var shown: (@Sendable (String) -> SmallJSON?)?
    }
}
