import GRDB

/// Columns as they should be, whatever is in the file: SQLite keeps text where a number was declared, and GRDB ends the process
/// where a value does not convert.
extension Row {
    /// 0 for what is no whole number.
    func integer(_ column: String) -> Int { Int.fromDatabaseValue(self[column]) ?? 0 }

    /// An amount, never negative.
    func amount(_ column: String) -> Int { Swift.max(integer(column), 0) }

    /// Seconds since 1970, in the years that can be written; nil for none.
    func time(_ column: String) -> Int? {
        let value: DatabaseValue = self[column]
        guard !value.isNull else { return nil }
        return Swift.min(Swift.max(Int.fromDatabaseValue(value) ?? 0, 0), Self.endOfYear9999)
    }

    private static let endOfYear9999 = 253_402_300_799

    func text(_ column: String) -> String { String.fromDatabaseValue(self[column]) ?? "" }

    // MARK: - Of a row that a cursor is at, by place: to look for names takes longer than all else that is done for a row

    /// What SQLite makes a number of; 0 for what it makes none of.
    func integer(at index: Int) -> Int {
        let value: Int64? = self[index]
        return Int(truncatingIfNeeded: value ?? 0)
    }

    /// An amount, never negative.
    func amount(at index: Int) -> Int { Swift.max(integer(at: index), 0) }

    func text(at index: Int) -> String { String.fromDatabaseValue(self[index]) ?? "" }
}
