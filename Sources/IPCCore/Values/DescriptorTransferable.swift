/// What goes to another process as a few descriptors and a few bytes: a channel endpoint, a listener, a pipe end, a
/// region of shared memory.
///
/// Inheritance at spawn, descriptor passing over sockets and arguments of workers all use this one protocol.
public protocol DescriptorTransferable: Sendable {
    /// Gives the object away: its descriptors, with what the other side needs to know about them. The object is closed
    /// here afterwards.
    ///
    /// - Throws: `.closed` when it was closed or given away before; `.invalidArgument` when it is in use by another task
    ///   or holds messages that would be lost.
    consuming func transfer() throws(IPCError) -> TransferredDescriptors

    /// Makes the object on the other side.
    ///
    /// - Throws: `.decodingFailed` or `.invalidArgument` when `transferred` is not such an object. The descriptors are
    ///   closed then.
    static func receive(_ transferred: TransferredDescriptors) throws(IPCError) -> Self

    /// Makes the object that the parent gave to this process when it started it. A parent, which chose the program, is
    /// believed where a stranger is not; unless a type says otherwise it is the same as ``receive(_:)``.
    ///
    /// - Throws: as ``receive(_:)``.
    static func inherit(_ transferred: TransferredDescriptors) throws(IPCError) -> Self
}

extension DescriptorTransferable {
    /// The same as ``receive(_:)``.
    public static func inherit(_ transferred: TransferredDescriptors) throws(IPCError) -> Self {
        try receive(transferred)
    }
}

/// An object on its way to another process.
public struct TransferredDescriptors: Sendable {
    /// The descriptors, in the order that the type defines.
    public var descriptors: [PassedDescriptor]
    /// What the other side needs to know beside them.
    public var state: [UInt8]

    /// An object of these descriptors and these bytes.
    public init(descriptors: [PassedDescriptor], state: [UInt8] = []) {
        self.descriptors = descriptors
        self.state = state
    }
}
