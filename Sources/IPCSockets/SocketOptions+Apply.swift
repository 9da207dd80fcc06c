import IPCCore
import IPCSystem

extension SocketOptions {
    /// What the two ends of a stream need to know, after ``apply(to:)``: the most that messages on `stream` can be, each way: a packet is bounded for who receives it as well, because there
    /// must be room for the largest; only who sends it needs room in the send buffer.
    func limits(on stream: StreamDescriptor) throws(IPCError) -> (receiving: StreamOptions, sending: StreamOptions) {
        let framing: StreamFraming = framing == .bytes ? .none : .frames
        guard stream.kind == .packetSocket else {
            let both = StreamOptions(
                framing: framing, maximumMessageSize: maximumMessageSize,
                maximumDescriptors: stream.kind == .networkSocket ? 0 : maximumDescriptors)
            return (both, both)
        }
        let room = try mapping("set up a socket") { () throws(SystemCallError) in
            try NetworkCalls.get(stream.number, .sendBuffer)
        }
        let limit = min(maximumMessageSize, Self.maximumPacketSize)
        return (
            StreamOptions(framing: framing, maximumMessageSize: limit, maximumDescriptors: maximumDescriptors),
            // The kernel counts 32 bytes of its own, and the first packet has a hello and a header.
            StreamOptions(
                framing: framing, maximumMessageSize: min(limit, room - 64), maximumDescriptors: maximumDescriptors)
        )
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
        try keepAlive?.apply(to: number)
        if resetsOnClose { try NetworkCalls.setLinger(number, seconds: 0) }
    }
}
