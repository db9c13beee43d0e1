import Basics

#if canImport(Glibc)
import Glibc
#endif

/// Which process a node is: its name is the configuration's, its instance is new with every start.
public struct NodeIdentity: Sendable, Hashable {
    /// Sixteen hexadecimal digits.
    public let instance: String
    /// Where the process is, as far as another one beside it can tell whether it still lives.
    let process: String

    public init() {
        var generator = SystemRandomNumberGenerator()
        let digits = String(generator.next(), radix: 16)
        instance = String(repeating: "0", count: 16 - digits.count) + digits
        process = "\(Self.place)|\(getpid())|\(Self.startTime(of: getpid()) ?? "")"
    }

    init(instance: String, process: String) {
        self.instance = instance
        self.process = process
    }

    /// Whether a process that wrote this of itself has certainly ended: it ran beside this one, and is not there any more.
    static func hasEnded(_ process: String) -> Bool {
        let parts = process.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
        // Boot, namespace of processes, number, time of its start.
        guard parts.count == 4, "\(parts[0])|\(parts[1])" == place, !parts[0].isEmpty, !parts[1].isEmpty,
            let number = Int32(parts[2]), number > 0
        else { return false }
        return startTime(of: number) != parts[3]
    }

    /// The machine since its last start, and whose processes this one sees.
    private static var place: String { "\(read("/proc/sys/kernel/random/boot_id"))|\(namespace)" }

    private static var namespace: String {
        var bytes = [CChar](repeating: 0, count: 64)
        let count = readlink("/proc/self/ns/pid", &bytes, bytes.count - 1)
        guard count > 0 else { return "" }
        return String(decoding: bytes.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// When a process started, in clock ticks since the machine's start; nil where there is no such process.
    private static func startTime(of process: Int32) -> String? {
        let line = read("/proc/\(process)/stat")
        // The name may hold blanks and brackets; it ends with the last one.
        guard let end = line.lastIndex(of: ")") else { return nil }
        let fields = line[line.index(after: end)...].split(separator: " ")
        return fields.count > 19 ? String(fields[19]) : nil
    }

    private static func read(_ path: String) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 1024)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        guard count > 0 else { return "" }
        let text = String(decoding: bytes.prefix(count), as: UTF8.self)
        return String(text.prefix { $0 != "\n" })
    }
}
