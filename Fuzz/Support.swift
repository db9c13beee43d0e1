import Glibc

/// Stops the run with what was broken; libFuzzer keeps the input.
@inline(__always)
func require(_ condition: @autoclosure () -> Bool, _ law: StaticString) {
    if !condition() { fatalError("broken: \(law)") }
}

/// One input. Its first two bytes choose; the rest is what is parsed.
struct FuzzInput {
    let choice: UInt8
    /// Somewhere in `bytes`.
    let cut: Int
    let bytes: UnsafeRawBufferPointer

    /// nil for an input that is too short to choose anything.
    init?(_ data: UnsafePointer<UInt8>?, _ size: Int) {
        guard let data, size >= 2 else { return nil }
        choice = data[0]
        bytes = UnsafeRawBufferPointer(start: data + 2, count: size - 2)
        cut = bytes.count * Int(data[1]) / 256
    }

    /// The first `count` bytes in memory of their own, so that the address sanitizer sees who reads on.
    func prefix(_ count: Int) -> [UInt8] { Array(bytes[..<count]) }
}

typealias FuzzTarget = @Sendable (FuzzInput) -> Void

/// The target of this run: the program has one name for each.
private let target: FuzzTarget = {
    let name = CommandLine.arguments[0].split(separator: "/").last.map(String.init) ?? ""
    guard let target = targets[name] else {
        print("there is no target \(name), only \(targets.keys.sorted().joined(separator: ", "))")
        exit(64)
    }
    return target
}()

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    if let input = FuzzInput(data, size) { target(input) }
    return 0
}
