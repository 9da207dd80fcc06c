public import IPCCore
import IPCSystem

extension SocketConnection {
    /// Connects to a listener.
    ///
    /// While the listener's queue is full this tries again at growing intervals, up to 50 ms. unix(7), connect(2).
    ///
    /// - Throws: `.notFound` when nothing has that name; `.connectionRefused` when nobody listens there, or the listener
    ///   died; `.permissionDenied` when the file does not allow it; `.timedOut` or `.cancelled` when the queue stayed full;
    ///   `.invalidArgument` when the socket there is not a stream; `.resourceExhausted`.
    public static func connect(
        to address: SocketAddress, until deadline: Deadline = .never
    ) async throws(IPCError) -> SocketConnection {
        let path = address.unixPath
        let socket = try mapping("connect", object: path) { () throws(SystemCallError) in
            try SocketCalls.makeUnixSocket(.stream)
        }
        if try !attempt(socket.number, path) {
            // A queue that is full tells nobody when it has room: look again, more and more rarely.
            let point = WaitEngine.shared.makeWaitPoint()
            var pace = RetryPace(first: .milliseconds(1), limit: .milliseconds(50))
            repeat {
                try await pace.pause(at: point, until: deadline, "connect")
            } while try !attempt(socket.number, path)
        }
        return try SocketConnection(socket, "connect")
    }

    /// One attempt: false when the listener's queue is full.
    private static func attempt(_ socket: Int32, _ path: String) throws(IPCError) -> Bool {
        try mapping("connect", object: path) { () throws(SystemCallError) in
            try SocketCalls.connectUnix(socket, path: path)
        }
    }
}
