/// How to make a channel whose other end is in another process.
///
/// The far end goes there as ``TransferredDescriptors``: descriptors that the other process inherits, and bytes that tell
/// the rest (a path, a name, a size). The other process is a program that calls ``ConformancePeer/serveIfAsked(_:)``
/// with the same descriptions.
public struct ConformanceRemote: Sendable {
    /// The program that plays the peer: a path.
    public var program: String
    /// Makes an end here that can do what is asked, and what the peer needs to make the other one.
    public var makeEnd:
        @Sendable (ChannelGuarantees.Direction) async throws -> (ConformanceEnds, TransferredDescriptors)
    /// In the peer: makes the other end.
    public var openEnd: @Sendable (TransferredDescriptors) async throws -> ConformanceEnds
    /// In the peer: writes raw bytes to what was given, instead of making an end. Nil where there is no byte stream.
    public var openRaw: (@Sendable (TransferredDescriptors, [UInt8]) async throws -> Void)?

    /// A way to reach a peer.
    public init(
        program: String,
        makeEnd:
            @escaping @Sendable (ChannelGuarantees.Direction) async throws -> (
                ConformanceEnds, TransferredDescriptors
            ),
        openEnd: @escaping @Sendable (TransferredDescriptors) async throws -> ConformanceEnds,
        openRaw: (@Sendable (TransferredDescriptors, [UInt8]) async throws -> Void)? = nil
    ) {
        self.program = program
        self.makeEnd = makeEnd
        self.openEnd = openEnd
        self.openRaw = openRaw
    }
}
