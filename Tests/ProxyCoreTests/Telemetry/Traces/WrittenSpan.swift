@testable import ProxyCore

/// A span as it was written, with all that is said of it.
struct WrittenSpan {
    enum Value: Equatable {
        case text(String)
        case integer(Int)
        case number(Double)
    }

    let head: OTLPSpan
    var attributes: [(name: String, value: Value)] = []
    var error: String?

    var name: String { head.subject.isEmpty ? head.action : "\(head.action) \(head.subject)" }

    subscript(_ name: String) -> Value? { attributes.first { $0.name == name }?.value }
}

/// Keeps the spans that it is given.
private struct SpanList: SpanWriter {
    var spans: [WrittenSpan] = []

    mutating func begin(_ span: OTLPSpan) { spans.append(WrittenSpan(head: span)) }

    mutating func add(_ name: StaticString, _ text: String) {
        if !text.isEmpty { spans[spans.count - 1].attributes.append((name.description, .text(text))) }
    }

    mutating func add(_ name: StaticString, _ number: Int) {
        if number >= 0 { spans[spans.count - 1].attributes.append((name.description, .integer(number))) }
    }

    mutating func add(_ name: StaticString, _ number: Double) {
        spans[spans.count - 1].attributes.append((name.description, .number(number)))
    }

    mutating func end(error: String?) { spans[spans.count - 1].error = error }
}

extension FinishedTrace {
    var spans: [WrittenSpan] {
        var list = SpanList()
        write(into: &list)
        return list.spans
    }
}
