import IPCCore
import IPCSystem

extension SocketOptions {
    /// What the ends of a stream need to know. After ``apply(to:)``.
    package func stream(on stream: StreamDescriptor) throws(IPCError) -> StreamOptions {
        var limit = maximumMessageSize
        if stream.kind == .packetSocket {
            let room = try mapping("set up a socket") { () throws(SystemCallError) in
                try NetworkCalls.get(stream.number, .sendBuffer)
            }
            // The kernel counts 32 bytes of its own, and the first packet has a hello and a header.
            limit = min(limit, Self.maximumPacketSize, room - 64)
        }
        return StreamOptions(
            framing: framing == .bytes ? .none : .frames, maximumMessageSize: limit,
            maximumDescriptors: maximumDescriptors)
    }

    /// Sets what these options say on a connected socket.
    func apply(to stream: StreamDescriptor) throws(IPCError) {
        let number = stream.number
        guard stream.kind != .networkSocket || maximumDescriptors == 0 else {
            throw IPCError(.invalidArgument, "socket options: descriptors travel over Unix sockets alone")
        }
        try mapping("set up a socket") { () throws(SystemCallError) in
            if stream.kind != .networkSocket {
                // Where a listener has inherited "none" and this channel takes some, they are let in from now on.
                _ = try SocketCalls.setPassesDescriptors(number, maximumDescriptors > 0)
            } else if try NetworkCalls.family(number) != .vsock {
                try applyTCP(to: number)
            }
            if sendBufferSize != nil || receiveBufferSize != nil {
                try SocketCalls.setBufferSizes(number, send: sendBufferSize, receive: receiveBufferSize)
            }
        }
    }

    private func applyTCP(to number: Int32) throws(SystemCallError) {
        try NetworkCalls.set(number, .noDelay, noDelay ? 1 : 0)
        if let keepAlive {
            try NetworkCalls.set(number, .keepAliveIdle, Int(keepAlive.idle.components.seconds))
            try NetworkCalls.set(number, .keepAliveInterval, Int(keepAlive.interval.components.seconds))
            try NetworkCalls.set(number, .keepAliveCount, keepAlive.attempts)
            try NetworkCalls.set(number, .keepAlive, 1)
            // The same for what has been sent and is not acknowledged, which TCP would repeat for a quarter of an hour.
            let seconds =
                keepAlive.idle.components.seconds + keepAlive.interval.components.seconds * Int64(keepAlive.attempts)
            try NetworkCalls.set(number, .userTimeout, Int(seconds * 1000))
        }
        if resetsOnClose { try NetworkCalls.setLinger(number, seconds: 0) }
    }
}
