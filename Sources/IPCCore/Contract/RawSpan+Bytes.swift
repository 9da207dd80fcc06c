extension Array where Element == UInt8 {
    /// The bytes of `span`, copied.
    @inlinable
    public init(_ span: RawSpan) {
        self = unsafe span.withUnsafeBytes { unsafe Array($0) }
    }
}
