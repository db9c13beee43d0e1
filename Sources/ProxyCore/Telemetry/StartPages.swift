import Glibc

/// Pages of code that only the start needed.
///
/// Reading a configuration, making tables and opening databases runs through most of the binary once, and the kernel maps 64 KB
/// around every page that is touched: some 17 MB of code are resident then, of which a proxy that waits for requests needs
/// little. They are the file's own pages, unchanged; whoever needs one again finds it in the page cache.
public enum StartPages {
    /// Gives them back. Nothing but what is mapped from this binary, not writable and never relocated.
    public static func release() {
        guard let file = fopen("/proc/self/maps", "re"), let own = ownPath() else { return }
        defer { fclose(file) }
        var line: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { free(line) }
        while getline(&line, &capacity, file) > 0 {
            guard let line, let mapping = mapping(String(cString: line), of: own) else { continue }
            madvise(UnsafeMutableRawPointer(bitPattern: mapping.lowerBound), mapping.count, MADV_DONTNEED)
        }
    }

    /// `55e9c32fc000-55e9c4e8a000 r-xp 003b2000 fe:00 16223624   /usr/bin/proxyd`
    ///
    /// Code, and the constants before it, which begin where the file does. What else is read-only was written to by the loader.
    static func mapping(_ line: String, of path: String) -> Range<UInt>? {
        let words = line.split(maxSplits: 5, whereSeparator: { $0 == " " || $0 == "\n" })
        guard words.count == 6, words[5].drop(while: { $0 == " " }).trimmingSuffix("\n") == path,
            words[1] == "r-xp" || (words[1] == "r--p" && words[2].allSatisfy { $0 == "0" })
        else { return nil }
        let bounds = words[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
        guard bounds.count == 2, bounds[0] < bounds[1] else { return nil }
        return bounds[0]..<bounds[1]
    }

    private static func ownPath() -> String? {
        var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &bytes, bytes.count - 1)
        return count > 0 ? String(decoding: bytes[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self) : nil
    }
}

extension Substring {
    fileprivate func trimmingSuffix(_ character: Character) -> Substring {
        last == character ? dropLast() : self
    }
}
