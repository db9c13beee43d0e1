/// What an expression may name, and how strictly it is read.
struct Environment: Sendable {
    private(set) var variables: [String: Variable] = [:]
    /// `key` → `id, name, …` in the order they were declared.
    private(set) var groups: [String: [String]] = [:]
    private(set) var functions: [String: Function] = FunctionLibrary.functions
    /// Values given with each evaluation, by slot.
    private(set) var bindings: [(name: String, type: CELType)] = []
    private var slots: [String: Int] = [:]
    var strictness = Strictness.checked
    /// Tells which time zones there are; nil when that is not known yet.
    var utcOffset: TimeZoneOffset?

    enum Strictness: Sendable {
        /// Nothing is refused; what cannot work fails when it is evaluated.
        case unchecked
        /// Types are checked.
        case checked
        /// The same as `checked`, and a part made of constants alone must have a value.
        case complete
    }

    mutating func declare(_ variable: Variable) {
        variables[variable.name] = variable
        guard let dot = variable.name.lastIndex(of: ".") else { return }
        let field = String(variable.name[variable.name.index(after: dot)...])
        groups[String(variable.name[..<dot]), default: []].append(field)
    }

    mutating func declare(_ function: Function) { functions[function.name] = function }

    mutating func bind(_ name: String, _ type: CELType) {
        slots[name] = bindings.count
        bindings.append((name, type))
    }

    /// Where a binding is; of two with one name the later.
    func slot(of name: String) -> Int? { slots[name] }

    /// Names an expression can begin with.
    var roots: [String] {
        let names = variables.keys.filter { !$0.contains(".") } + groups.keys + bindings.map(\.name)
        return names.sorted()
    }
}
