/// A path as a log may show it: where admin calls take a key in the path, the key is left out.
enum LoggedPath {
    static func text(_ path: String) -> String {
        guard path.utf8.contains(UInt8(ascii: "k")), path.contains("/sk-") || path.hasPrefix("/admin/keys/") else { return path }
        let segments = path.split(separator: "/", omittingEmptySubsequences: false)
        return segments.enumerated().map { index, segment in
            let isReference = index == 3 && segments.count > 3 && segments[1] == "admin" && segments[2] == "keys"
            // An id says nothing; whatever else is in a key's place may be one.
            return segment.hasPrefix("sk-") || (isReference && !segment.hasPrefix("key_")) ? "*" : String(segment)
        }.joined(separator: "/")
    }
}
