import IPCSystem
public import IPCTestKit

extension ConformanceTransport {
    /// All that conform. The peer program plays the other end of those that have one elsewhere, and runs cases of all of them.
    public static var all: [ConformanceTransport] {
        [
            .pipeChannel, .pipeMessages, .pipeOfManyWriters, .pipeBytes, .namedPipes, .socketPair, .packetPair, .tcp,
            .datagramPair, .udp, .losslessBroadcast, .lossyBroadcast, .ring, .untrustedRing, .posixQueue,
            .systemVQueue, .sharedQueue, .rendezvousQueue, .growingQueue, .fileQueue, .workMailbox, .broadcastMailbox,
            .signals, .inProcess(), .inProcess(capacity: 0), .queue, .faulty(nil),
        ]
    }
}

/// The program `ipc-conformance-peer`, which is built beside the tests.
enum PeerProgram {
    static let path: String = {
        let tests = (try? FileCalls.destination(of: "/proc/self/exe")) ?? ""
        return tests.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
            + "/ipc-conformance-peer"
    }()
}

extension TransferredDescriptors {
    /// Takes over the descriptor at `index`.
    func takeDescriptor(_ index: Int) throws(IPCError) -> OwnedDescriptor {
        guard descriptors.indices.contains(index), let number = descriptors[index].take() else {
            throw IPCError(.decodingFailed, "open the end of a channel: descriptor \(index) is missing")
        }
        return OwnedDescriptor(owning: number)
    }

    /// Writes raw bytes to the descriptor at `index`, which stays open.
    func writeRaw(_ bytes: [UInt8], to index: Int) async throws {
        guard descriptors.indices.contains(index) else {
            throw IPCError(.decodingFailed, "write raw bytes: descriptor \(index) is missing")
        }
        try await RawWriter(descriptors[index]).write(bytes)
    }
}
