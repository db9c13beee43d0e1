extension Dictionary where Key: Comparable {
    /// The members by the order of their keys, for reports and files. One body serves every type: made for each, as the compiler would,
    /// sorting takes 4 KB of the program a time.
    @inline(never)
    @_semantics("optimize.sil.specialize.generic.never")
    public func inKeyOrder() -> [Element] { sorted { $0.key < $1.key } }
}
