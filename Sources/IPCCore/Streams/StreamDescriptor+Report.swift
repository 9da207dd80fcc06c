import IPCSystem
import Synchronization

extension StreamDescriptor {
    /// Tells the observer why the stream broke, once for both its ends, whichever notices first.
    ///
    /// Not to be called under an end's lock: the observer may use the end.
    func report(_ error: IPCError) {
        guard !hasReported.exchange(true, ordering: .relaxed) else { return }
        let mechanism =
            switch kind {
            case .pipe: "pipe"
            case .socket: "unix-stream"
            case .networkSocket: "tcp"
            case .packetSocket: "unix-packets"
            }
        switch error.code {
        case .peerClosed, .truncated:
            IPCObservation.emit(.peerLost(mechanism: mechanism, object: error.object, error: error))
        case .protocolViolation, .wrongMagic, .wrongVersion, .messageTooLarge:
            IPCObservation.emit(.protocolViolation(mechanism: mechanism, object: error.object, error: error))
        default:
            IPCObservation.emit(.channelFailed(mechanism: mechanism, object: error.object, error: error))
        }
    }
}
