import Dialects

/// JSON that is written as it goes: a report of thousands of rows needs no value of each.
struct RowWriter {
    private(set) var bytes: [UInt8] = []

    init(capacity: Int) { bytes.reserveCapacity(capacity) }

    /// What is JSON already.
    mutating func put(_ text: String) { bytes.append(contentsOf: text.utf8) }

    mutating func put(string: String) { JSONValue.string(string).write(to: &bytes) }

    /// - Parameter head: what stands before it: a comma, the member's name and a colon.
    mutating func put(_ head: String, _ number: Int) {
        put(head)
        put(String(number))
    }

    mutating func put(_ head: String, _ value: JSONValue) {
        put(head)
        value.write(to: &bytes)
    }

    /// Elements with a comma between them.
    mutating func put<Element>(each elements: some Sequence<Element>, _ body: (inout RowWriter, Element) -> Void) {
        var isFirst = true
        for element in elements {
            if !isFirst { put(",") }
            isFirst = false
            body(&self, element)
        }
    }
}
