import Testing

@testable import Basics

struct DecimalPairsTests {
    @Test func `each number under 100 is its two digits`() {
        for number in 0..<100 as Range<UInt> {
            let digits = withUnsafeTemporaryAllocation(byteCount: 2, alignment: 1) { room in
                if let base = room.baseAddress { DecimalPairs.write(number, to: base) }
                return String(decoding: room, as: UTF8.self)
            }
            #expect(digits == (number < 10 ? "0" : "") + String(number))
        }
    }

    @Test(arguments: [0, 9, 10, 99, 100, 101, 999_999, 1_000_000, 9_223_372_036_854_775_807] as [UInt])
    func `digits are counted and written`(number: UInt) {
        let count = DecimalPairs.count(number)
        #expect(count == String(number).utf8.count)
        let digits = withUnsafeTemporaryAllocation(byteCount: count, alignment: 1) { room in
            if let base = room.baseAddress { DecimalPairs.write(number, digits: count, to: base) }
            return String(decoding: room, as: UTF8.self)
        }
        #expect(digits == String(number))
    }
}
