import Basics

/// The segments of a request's path, each percent-decoded on its own, so that an encoded `/` stays within its segment.
struct RequestPath: Sendable, Hashable {
    let segments: [String]
    let hasTrailingSlash: Bool

    /// nil when the path is not absolute, or a segment is no valid percent-encoded UTF-8.
    init?(_ encoded: String) {
        guard encoded.utf8.first == UInt8(ascii: "/") else { return nil }
        var segments: [String] = []
        for part in encoded.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            guard let segment = decoded(part) else { return nil }
            segments.append(segment)
        }
        hasTrailingSlash = segments.last == ""
        if hasTrailingSlash { segments.removeLast() }
        self.segments = segments
    }
}

/// The items of a query, in order, decoded as forms are (`+` is a space).
struct RequestQuery: Sendable, Hashable {
    private let items: [Item]
    /// Something of it is no valid percent-encoded UTF-8, and left out.
    private let isCut: Bool

    private struct Item: Sendable, Hashable {
        let name: String
        let value: String
    }

    /// An item that is no valid percent-encoded UTF-8 is left out; `check` tells it.
    init(_ encoded: String) {
        let parts = encoded.split(separator: "&")
        items = parts.compactMap { part in
            let pieces = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let first = pieces.first, let name = decoded(first, plusIsSpace: true) else { return nil }
            guard let value = decoded(pieces.count == 2 ? pieces[1] : "", plusIsSpace: true) else { return nil }
            return Item(name: name, value: value)
        }
        isCut = items.count < parts.count
    }

    /// Refuses what would otherwise be passed over in silence, so that an answer is never to another question.
    /// - Parameter repeatable: the items that may be there several times.
    func check(repeatable: Set<String>) throws(AdminFailure) {
        guard !isCut else { throw AdminFailure(.badRequest, "the query must be percent-encoded UTF-8") }
        var seen: Set<String> = []
        for item in items where !repeatable.contains(item.name) && !seen.insert(item.name).inserted {
            throw AdminFailure(.badRequest, "'\(item.name.prefix(64))' is in the query twice")
        }
    }

    /// The value of the first item of that name.
    subscript(_ name: String) -> String? { items.first { $0.name == name }?.value }

    /// The values of all items of that name.
    func all(_ name: String) -> [String] { items.filter { $0.name == name }.map(\.value) }
}

private func decoded(_ text: Substring, plusIsSpace: Bool = false) -> String? {
    var text = text
    // Each value is told what is wrong with it in its own words.
    return text.withUTF8 { PercentEncoding.decoded(UnsafeRawBufferPointer($0), plusIsSpace: plusIsSpace, admitsNUL: true) }
}
