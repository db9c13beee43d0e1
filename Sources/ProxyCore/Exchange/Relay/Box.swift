/// A value on the heap, changed in place.
final class Box<Value> {
    var value: Value

    init(_ value: Value) {
        self.value = value
    }
}

@available(*, unavailable)
extension Box: Sendable {}
