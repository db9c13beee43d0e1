import Dialects
import ProxyCore

/// Keys of another system on their way into a running proxyd.
extension AdminClient {
    /// Sends keys with what was used under them, piece by piece. What a piece brought stays when a later one fails, and is passed
    /// over when all are sent again.
    ///
    /// - Parameter told: what became of the keys of a piece.
    /// - Throws: `RemoteFailure`.
    public func add(_ keys: [ImportedKey], told: (ImportResult) -> Void) async throws {
        for piece in ImportPiece.cut(keys) {
            let answer = try await json("POST", ["keys", "import"], body: piece.body(of: keys))
            guard let result = ImportResult(answer) else {
                throw RemoteFailure.failed("\(url) does not say what became of the keys")
            }
            told(result)
        }
    }
}

/// What one call of an import has: some keys whole, or a part of one key's rows.
struct ImportPiece: Hashable {
    var keys: Range<Int>
    var rows: Range<Int>?
    var part = ImportParts.Part.whole

    /// Bytes of a body, well below what the admin API takes.
    static let size = 1 << 18

    func body(of all: [ImportedKey]) -> JSONValue {
        let shapes = all[keys].map { key in key.shape(rows.map { key.rows[$0] } ?? key.rows[...]) }
        let body: JSONValue = ["keys": .array(shapes)]
        return part == .whole ? body : body.adding(["part": .int(part.number), "parts": .int(part.count)])
    }

    static func cut(_ keys: [ImportedKey], size: Int = size) -> [ImportPiece] {
        var pieces: [ImportPiece] = []
        var (start, filled) = (0, 0)
        for (index, key) in keys.enumerated() {
            let own = room(key)
            let whole = key.rows.reduce(own) { $0 + room($1) }
            if filled > 0, filled + whole > size {
                pieces.append(ImportPiece(keys: start..<index))
                (start, filled) = (index, 0)
            }
            if whole > size {
                pieces += cut(key, at: index, size - own)
                start = index + 1
            } else {
                filled += whole
            }
        }
        if start < keys.count { pieces.append(ImportPiece(keys: start..<keys.count)) }
        return pieces
    }

    /// Cuts a key's rows into parts. Each has at least one row, however long its model is.
    private static func cut(_ key: ImportedKey, at index: Int, _ size: Int) -> [ImportPiece] {
        var ranges: [Range<Int>] = []
        var (start, filled) = (0, 0)
        for (number, row) in key.rows.enumerated() {
            let own = room(row)
            if number > start, filled + own > size {
                ranges.append(start..<number)
                (start, filled) = (number, 0)
            }
            filled += own
        }
        ranges.append(start..<key.rows.count)
        return ranges.enumerated().map { number, rows in
            ImportPiece(
                keys: index..<index + 1, rows: rows, part: ImportParts.Part(number: number, count: ranges.count))
        }
    }

    /// No fewer bytes than the key has in a body, without its rows.
    private static func room(_ key: ImportedKey) -> Int {
        360 + JSONValue.string(key.name).bytes.count + JSONValue.string(key.masked).bytes.count
    }

    /// The same of a row.
    private static func room(_ row: ImportedKey.Row) -> Int { 150 + JSONValue.string(row.model).bytes.count }
}
