/// A move of bytes inside the kernel that ended early. Nothing is lost: what was moved is at the target, the rest is
/// still at the source.
public struct SpliceError: Error, Sendable, CustomStringConvertible {
    /// How many bytes have reached the target.
    public let movedByteCount: Int
    /// Why no more did.
    public let error: IPCError

    /// A move that ended after `movedByteCount` bytes.
    public init(movedByteCount: Int, error: IPCError) {
        self.movedByteCount = movedByteCount
        self.error = error
    }

    /// The error with the count.
    public var description: String { "\(error) after \(movedByteCount) bytes" }
}
