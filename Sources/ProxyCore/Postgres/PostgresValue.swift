import Basics

/// A value that a statement is given.
enum PostgresValue: Sendable {
    case null
    case number(Int)
    case text(String)
    case bytes([UInt8])
    case numbers([Int])
    case texts([String])

    init(_ number: Int?) { self = number.map { .number($0) } ?? .null }
    init(_ text: String?) { self = text.map { .text($0) } ?? .null }

    /// The value as PostgreSQL reads it; nil for none. A text cannot hold a zero there.
    private var bytes: [UInt8]? {
        switch self {
        case .null: nil
        case .number(let number): Array(String(number).utf8)
        case .text(let text): Self.withoutZeroes(text)
        case .bytes(let bytes): bytes
        case .numbers(let numbers): Array("{\(numbers.map(String.init).joined(separator: ","))}".utf8)
        case .texts(let texts): Self.array(texts)
        }
    }

    private var isBinary: Bool {
        if case .bytes = self { return true }
        return false
    }

    private static let replacement = Array("\u{FFFD}".utf8)

    private static func withoutZeroes(_ text: String) -> [UInt8] {
        guard text.utf8.contains(0) else { return Array(text.utf8) }
        return text.utf8.flatMap { $0 == 0 ? replacement : [$0] }
    }

    private static func array(_ texts: [String]) -> [UInt8] {
        var bytes: [UInt8] = [UInt8(ascii: "{")]
        for (index, text) in texts.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes.append(UInt8(ascii: "\""))
            for byte in withoutZeroes(text) {
                if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { bytes.append(UInt8(ascii: "\\")) }
                bytes.append(byte)
            }
            bytes.append(UInt8(ascii: "\""))
        }
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }

    /// Shows the values as the library takes them: each text ends with a zero.
    static func withPointers<Result>(
        _ values: [PostgresValue],
        _ body: (UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<CInt>?, UnsafePointer<CInt>?) -> Result
    ) -> Result {
        let encoded = values.map(\.bytes)
        var starts: [Int?] = []
        var all: [UInt8] = []
        for bytes in encoded {
            starts.append(bytes == nil ? nil : all.count)
            if let bytes { all += bytes }
            all.append(0)
        }
        let lengths = encoded.map { CInt(clamping: $0?.count ?? 0) }
        let formats = values.map { CInt($0.isBinary ? 1 : 0) }
        return all.withUnsafeBufferPointer { all in
            all.withMemoryRebound(to: CChar.self) { all in
                let pointers = starts.map { start in start.flatMap { start in all.baseAddress.map { $0 + start } } }
                return pointers.withUnsafeBufferPointer { pointers in
                    lengths.withUnsafeBufferPointer { lengths in
                        formats.withUnsafeBufferPointer { body(pointers.baseAddress, lengths.baseAddress, $0.baseAddress) }
                    }
                }
            }
        }
    }
}

/// What a statement gave: rows of texts.
struct PostgresRows: Sendable {
    var rows: [[String?]] = []
    /// How many rows a statement changed.
    var affected = 0

    var first: PostgresRow? { rows.first.map { PostgresRow(values: $0) } }

    func map<Result>(_ body: (PostgresRow) throws -> Result) rethrows -> [Result] {
        try rows.map { try body(PostgresRow(values: $0)) }
    }
}

/// One row; by place.
struct PostgresRow: Sendable {
    let values: [String?]

    private subscript(_ column: Int) -> String? { values.indices.contains(column) ? values[column] : nil }

    func optionalText(_ column: Int) -> String? { self[column] }
    func text(_ column: Int) -> String { self[column] ?? "" }
    func optionalInteger(_ column: Int) -> Int? { self[column].flatMap { Int($0) } }
    func integer(_ column: Int) -> Int { optionalInteger(column) ?? 0 }
    /// An amount, never negative.
    func amount(_ column: Int) -> Int { max(integer(column), 0) }
    func flag(_ column: Int) -> Bool { self[column] == "t" }

    /// What `bytea` is as text: `\x` and hexadecimal digits.
    func bytes(_ column: Int) -> [UInt8]? {
        self[column].flatMap { $0.hasPrefix("\\x") ? Hex.bytes($0.dropFirst(2)) : nil }
    }
}
