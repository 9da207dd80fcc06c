public import IPCCore
import IPCSystem

extension SocketConnection {
    /// Connects to a listener.
    ///
    /// A host's name is looked up on a thread of this library, and all its addresses are tried, each with its share of the
    /// time. While the queue of a Unix listener is full this tries again at growing intervals, up to 50 ms. unix(7),
    /// tcp(7), connect(2).
    ///
    /// - Parameters:
    ///   - address: where somebody listens.
    ///   - type: what the connection carries, which must be what the listener accepts.
    ///   - retry: whether to try again when nobody listens yet.
    ///   - deadline: when to give up. Without one, the kernel gives a host that does not answer up two minutes.
    /// - Throws: `.notFound` when nothing has that name; `.connectionRefused` when nobody listens there, or the listener
    ///   died; `.unreachable` when the network does not lead there; `.permissionDenied` when the file does not allow it;
    ///   `.timedOut` or `.cancelled`; `.invalidArgument` when the socket there is of another type; `.resourceExhausted`;
    ///   `.unsupported` where the kernel has no such addresses.
    public static func connect(
        to address: SocketAddress, type: SocketType = .stream, retry: ConnectRetry = .never,
        until deadline: Deadline = .never
    ) async throws(IPCError) -> SocketConnection {
        let stream = try await SocketConnecting.connect(to: address, type, retry: retry, until: deadline)
        return try SocketConnection(stream, "connect")
    }
}
