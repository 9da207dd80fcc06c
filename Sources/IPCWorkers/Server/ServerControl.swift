import IPCSockets
import IPCSystem

/// What a server and its worker say to each other, over a pair of sockets that the worker inherits.
enum ServerControl {
    static let version = 2

    /// What the server says. The first is a welcome.
    enum Order: Codable, Sendable {
        /// Who the worker is.
        case welcome(Welcome)
        /// The queues to accept from, all of them; their sockets come along.
        case queues([Int])
        /// To accept no more, finish what there is within so many nanoseconds, and leave. Whether who waits in the queue is
        /// accepted first: at the end of the server, when nobody else will.
        case leave(grace: UInt64, emptiesQueue: Bool)
    }

    struct Welcome: Codable, Sendable {
        var version: Int
        var place: Int
        /// Where in the statistics its row begins, from the file's first byte on, and how long the file is.
        var rowOffset: Int
        var fileByteCount: Int
    }

    /// What the worker says.
    enum Report: Codable, Sendable {
        /// It accepts connections.
        case ready
        /// It wants to be replaced, and serves on until then: because its program says so, or because of a fault.
        case replace(fault: String?)
    }

    /// The worker's end takes sockets; ours is for a trusted child.
    static let serverOptions = SocketOptions(maximumMessageSize: 65536)
    static let workerOptions = SocketOptions(
        maximumMessageSize: 65536, maximumDescriptors: PassedDescriptor.maximumPerMessage)

    /// How long the server waits for room in the socket of a worker that does not read.
    static let patience = Duration.seconds(5)

    static func send(
        _ order: Order, _ sockets: [PassedDescriptor] = [], to channel: SocketChannel
    ) async throws(IPCError) {
        try await channel.descriptorMessages.send(
            SocketMessage(payload: try BinaryCodec.encode(order), descriptors: sockets), until: .after(patience))
    }
}
