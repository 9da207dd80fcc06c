/// How a stream begins and ends.
extension StreamReceiver {
    /// `advance` until the first message is there.
    func begin(_ handshake: StreamHandshake) throws(IPCError) -> Progress {
        ending = nil
        do throws(IPCError) {
            let progress = try advance()
            if progress == .blocked {
                ending = .unbegun(handshake)
                return .blocked
            }
            if handshake.meet() { return progress }
        } catch {
            guard handshake.isExpired else {
                handshake.meet()
                throw error
            }
        }
        // The listener has told the observer.
        isBreakUnreported = false
        ending = .failed(StreamHandshake.failure)
        arrivedDescriptors.closeAll()
        throw StreamHandshake.failure
    }

    func reachEnd() throws(IPCError) {
        if options.framing == .none {
            ending = .finished
        } else if buffer.count > 0 {
            throw IPCError(.truncated, "receive: the peer went away inside a message")
        } else if options.framing == .framesFromManyWriters && helloCount > 0 && endCount == helloCount {
            ending = .finished
        } else {
            throw IPCError(.peerClosed, "receive: the peer is gone without having finished")
        }
    }
}
