import Basics

/// Bytes written one piece after the other into room that was made beforehand: spans are many small pieces.
struct RoomWriter: ~Copyable {
    private let base: UnsafeMutableRawPointer
    private let capacity: Int
    private(set) var count = 0
    /// Something did not fit: what is written is worth nothing.
    private(set) var isOverfull = false

    private init(_ room: UnsafeMutableBufferPointer<UInt8>, _ base: UnsafeMutablePointer<UInt8>) {
        self.base = UnsafeMutableRawPointer(base)
        capacity = room.count
    }

    /// The bytes of what `write` writes.
    /// - Parameter room: how many they are likely to be; more are found when they are needed.
    static func bytes(room: Int, _ write: (consuming RoomWriter) -> RoomWriter) -> [UInt8] {
        var room = max(room, 16)
        while true {
            var isWhole = false
            let bytes = [UInt8](unsafeUninitializedCapacity: room) { target, count in
                guard let base = target.baseAddress else { return }
                let written = write(RoomWriter(target, base))
                isWhole = !written.isOverfull
                count = isWhole ? written.count : 0
            }
            if isWhole { return bytes }
            room *= 2
        }
    }

    /// Whether so many bytes have room.
    mutating func makes(_ more: Int) -> Bool {
        if more > capacity - count { isOverfull = true }
        return !isOverfull
    }

    mutating func append(_ byte: UInt8) {
        guard makes(1) else { return }
        base.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
        count += 1
    }

    mutating func append(_ number: some FixedWidthInteger) {
        let size = number.bitWidth / 8
        guard makes(size) else { return }
        base.storeBytes(of: number, toByteOffset: count, as: type(of: number))
        count += size
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress, makes(bytes.count) else { return }
        (base + count).copyMemory(from: start, byteCount: bytes.count)
        count += bytes.count
    }

    mutating func append(text: String) {
        var text = text
        text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    mutating func append(_ text: StaticString) {
        append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Writes it in decimal; a number below zero is written as zero.
    mutating func append(decimal number: Int) {
        let number = UInt(max(number, 0))
        let digits = DecimalPairs.count(number)
        guard makes(digits) else { return }
        DecimalPairs.write(number, digits: digits, to: base + count)
        count += digits
    }

    /// 16 digits in lower case.
    mutating func append(hexadecimal number: UInt64) {
        guard makes(16) else { return }
        base.storeBytes(of: Hex.digits(UInt32(number >> 32)), toByteOffset: count, as: UInt64.self)
        base.storeBytes(of: Hex.digits(UInt32(truncatingIfNeeded: number)), toByteOffset: count + 8, as: UInt64.self)
        count += 16
    }

    /// Lets `write` write over what is at `start`, once what is there has given way by `more` bytes.
    mutating func insert(_ more: Int, at start: Int, _ write: (inout RoomWriter) -> Void) {
        guard start <= count, makes(more) else { return }
        if more > 0 { (base + start + more).copyMemory(from: base + start, byteCount: count - start) }
        let end = count + more
        count = start
        write(&self)
        count = end
    }
}
