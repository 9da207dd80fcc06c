import ConformanceTransports
import IPCTestKit

/// The other process of the conformance suite for the transports of this package, and the process of its own of a case.
@main struct Peer {
    static func main() async {
        await ConformancePeer.serveIfAsked(ConformanceTransport.all)
        await OwnProcess.runIfAsked()
    }
}
