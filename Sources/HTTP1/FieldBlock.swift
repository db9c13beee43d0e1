import Basics

/// One field of a head, as text.
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

    /// No field.
    public init() {}

    /// - Parameter fields: values are encoded where they could end their line or are not ASCII.
    public init(_ fields: [HeaderLine]) {
        for field in fields { add(field.name, field.value) }
    }

    /// Whether there is no field.
    public var isEmpty: Bool { bytes.isEmpty }
    /// Bytes that the block takes in a head.
    public var count: Int { bytes.count }

    /// Adds one field behind the others; its value is encoded where it could end the line or is not ASCII.
    public mutating func add(_ name: String, _ value: String) {
        bytes += name.utf8
        bytes += ": ".utf8
        bytes += HeaderText.encode(value).utf8
        bytes += "\r\n".utf8
    }

    /// Adds all of another block's fields.
    public mutating func add(_ block: FieldBlock) { bytes += block.bytes }
}
