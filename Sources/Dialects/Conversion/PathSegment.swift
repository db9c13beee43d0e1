import Basics

/// A name as one segment of a path (RFC 3986 §3.3), whatever it holds. The only way by which a model gets into a path.
public enum PathSegment {
    /// Unreserved characters as they are, every other byte percent-encoded.
    ///
    /// Nil for what is no segment of its own however it is written: nothing at all, and the dots that mean a step.
    public static func encoded(_ name: String) -> String? {
        guard !name.isEmpty, name != ".", name != ".." else { return nil }
        return name.utf8.allSatisfy(PercentEncoding.isUnreserved) ? name : PercentEncoding.text(name)
    }
}
