/// What a peer program is asked to do.
struct PeerOrder: Sendable, Equatable {
    enum Role: String, Sendable {
        /// Sends back what it receives, until the end.
        case echo
        /// Sends `count` records and finishes.
        case stream
        /// Sends `count` records and dies.
        case streamAndDie
        /// Receives `count` records and the end, and says by its exit status whether they were right.
        case receive
        /// Writes the first `count` bytes of the stream that `WireCases` cuts, and dies.
        case writeAndDie
        /// Keeps its end open until it is killed.
        case hold
    }

    /// The variable of the environment that carries it.
    static let variable = "SWIFT_IPC_CONFORMANCE_PEER"

    let role: Role
    let count: Int
    let transport: String

    init(_ role: Role, count: Int, transport: String) {
        self.role = role
        self.count = count
        self.transport = transport
    }

    /// `ROLE,COUNT,TRANSPORT`.
    var text: String { "\(role.rawValue),\(count),\(transport)" }

    init?(_ text: String) {
        let parts = text.split(separator: ",", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let role = Role(rawValue: String(parts[0])), let count = Int(parts[1]) else {
            return nil
        }
        self.init(role, count: count, transport: String(parts[2]))
    }
}

/// A far end on its way to the peer: just what was made for it.
struct PeerEndpoint: DescriptorTransferable {
    let transferred: TransferredDescriptors

    consuming func transfer() throws(IPCError) -> TransferredDescriptors { transferred }

    static func receive(_ transferred: TransferredDescriptors) throws(IPCError) -> PeerEndpoint {
        PeerEndpoint(transferred: transferred)
    }
}
