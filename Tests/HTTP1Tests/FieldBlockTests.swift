import Basics
import HTTP1
import Testing

@Suite struct FieldBlockTests {
    @Test(arguments: [0, 1, 9, 10, 99, 1_234_567_890, .max, -1, .min]) func aNumberIsWrittenAsItsText(_ number: Int) {
        var written = FieldBlock(capacity: 1)
        var expected = FieldBlock()
        written.add("x-limit", number)
        expected.add("x-limit", "\(number)")
        #expect(written == expected)
    }

    /// A name that is longer than others is written as they are.
    @Test(arguments: [0, 42, .max, .min]) func aLongNameIsWrittenAsItIs(_ number: Int) {
        var written = FieldBlock()
        var expected = FieldBlock()
        written.add("x-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", number)
        expected.add("x-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "\(number)")
        written.add("x-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", number)
        expected.add("x-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "\(number)")
        written.add(
            "x-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
            number)
        expected.add(
            "x-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
            "\(number)")
        written.add("x", number)
        expected.add("x", "\(number)")
        #expect(written == expected)
    }

    @Test(arguments: [0, 951_782_400, 1_770_811_200, 1_770_811_259, 253_402_300_799, -1, -62_135_596_800])
    func aTimeIsWrittenAsItsText(_ seconds: Int) {
        var written = FieldBlock()
        var expected = FieldBlock()
        written.add("x-reset", utc: seconds)
        expected.add("x-reset", RFC3339.text(seconds))
        #expect(written == expected)
    }

    @Test(arguments: [Int.min, .max]) func aTimeBeyondTheCalendarDoesNotTrap(_ seconds: Int) {
        var written = FieldBlock()
        written.add("x-reset", utc: seconds)
        #expect(written.count == "x-reset: 9999-12-31T23:59:59Z\r\n".utf8.count)
    }
}
