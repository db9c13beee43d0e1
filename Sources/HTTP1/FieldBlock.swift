/// A field of a head, as text.
public struct HeaderLine: Sendable, Hashable {
    public var name: String
    public var value: String

    public init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

/// Fields of a head that are the same for many heads, written out once.
public struct FieldBlock: Sendable, Hashable {
    /// Each field with its line end.
    public private(set) var bytes: [UInt8] = []

    public init() {}

    /// - Parameter fields: values are encoded where they could end their line or are not ASCII.
    public init(_ fields: [HeaderLine]) {
        for field in fields { add(field.name, field.value) }
    }

    public var isEmpty: Bool { bytes.isEmpty }
    public var count: Int { bytes.count }

    public mutating func add(_ name: String, _ value: String) {
        bytes += name.utf8
        bytes += ": ".utf8
        bytes += HeaderText.encode(value).utf8
        bytes += "\r\n".utf8
    }
}

extension HeadCursor {
    public mutating func block(_ block: FieldBlock) {
        if !block.isEmpty { append(block.bytes) }
    }

    @inlinable
    public mutating func field(_ name: StaticString, _ value: StaticString) {
        append(name)
        append(": ")
        append(value)
        append("\r\n")
    }

    @inlinable
    public mutating func field(_ name: StaticString, _ value: UnsafeRawBufferPointer) {
        append(name)
        append(": ")
        append(value)
        append("\r\n")
    }

    /// - Parameter value: of ours, or encoded already.
    @inlinable
    public mutating func field(_ name: StaticString, text value: String) {
        append(name)
        append(": ")
        append(text: value)
        append("\r\n")
    }

    @inlinable
    public mutating func field(_ name: StaticString, decimal value: Int) {
        append(name)
        append(": ")
        append(decimal: value)
        append("\r\n")
    }

    public mutating func field(_ field: HeaderLine) {
        append(text: field.name)
        append(": ")
        append(text: HeaderText.encode(field.value))
        append("\r\n")
    }

    /// The line that a request begins with; `prefix` stands before a target in absolute form.
    @inlinable
    public mutating func requestLine(method: UnsafeRawBufferPointer, prefix: [UInt8], target: [UInt8]) {
        append(method)
        append(" ")
        if !prefix.isEmpty { append(prefix) }
        append(target)
        append(" HTTP/1.1\r\n")
    }

    /// The empty line behind the fields.
    @inlinable
    public mutating func endHead() { append("\r\n") }
}
