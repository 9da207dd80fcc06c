public import IPCCore
import IPCSystem
import Synchronization

/// What another process needs to know to be the other end of a ``SignalChannel``.
///
/// Give it to a child with `transferring:`, or as text in an argument or a file: `SignalInvitation("1234:5678:34:99")`.
/// One process can accept it, once. Given away by `transferring:` or over a socket it takes a descriptor along, by which the
/// channel sees a process that dies before it has accepted; as text it does not.
public struct SignalInvitation: Sendable {
    /// The process that invites.
    public let processID: Int32
    /// The signal that carries the messages.
    public let signal: Signal
    /// When that process started, so that another one with its number is not taken for it.
    let start: UInt64
    /// Which channel of that process it is.
    let number: UInt32
    /// Open as long as somebody may accept.
    var lifeline: PassedDescriptor?

    init(processID: Int32, start: UInt64, signal: Signal, number: UInt32) {
        self.processID = processID
        self.start = start
        self.signal = signal
        self.number = number
    }
}

extension SignalInvitation: LosslessStringConvertible {
    /// Four numbers with colons between them.
    public var description: String { "\(processID):\(start):\(signal.rawValue):\(number)" }

    /// The invitation of ``description``; nil for any other text.
    public init?(_ description: String) {
        let parts = description.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 4, let process = Int32(parts[0]), process > 0, let start = UInt64(parts[1]),
            let signal = Int32(parts[2]), let number = UInt32(parts[3])
        else { return nil }
        self.init(processID: process, start: start, signal: Signal(rawValue: signal), number: number)
    }
}

extension SignalInvitation: Hashable {
    /// Whether both are to the same channel.
    public static func == (left: SignalInvitation, right: SignalInvitation) -> Bool {
        left.description == right.description
    }

    /// By the channel.
    public func hash(into hasher: inout Hasher) { hasher.combine(description) }
}

extension SignalInvitation: Codable {
    /// From its text.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let invitation = SignalInvitation(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "no invitation: \(text)")
        }
        self = invitation
    }

    /// As its text.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

extension SignalInvitation: DescriptorTransferable {
    /// Its text, with a descriptor that is closed with whoever gets it.
    ///
    /// - Throws: `.closed` when the channel was closed; `.invalidArgument` in another process than the one that invites;
    ///   `.resourceExhausted`.
    public consuming func transfer() throws(IPCError) -> TransferredDescriptors {
        guard processID == ProcessFacts.processID else {
            throw IPCError(
                .invalidArgument, "give an invitation away: only the process that invites can; pass it on as text",
                object: description)
        }
        guard let channel = ChannelTable.shared.channel(number) else { throw .closed("give an invitation away") }
        return TransferredDescriptors(descriptors: [try channel.makeLifeline()], state: Array(description.utf8))
    }

    /// - Throws: `.decodingFailed` when `transferred` is no invitation.
    public static func receive(_ transferred: TransferredDescriptors) throws(IPCError) -> SignalInvitation {
        guard transferred.descriptors.count == 1,
            var invitation = SignalInvitation(String(decoding: transferred.state, as: UTF8.self))
        else {
            throw IPCError(.decodingFailed, "receive an invitation: this is none of a signal channel")
        }
        invitation.lifeline = transferred.descriptors[0]
        return invitation
    }
}

extension SignalChannel {
    /// One end of a pipe that nobody writes to; the other end is watched here until the two have met.
    func makeLifeline() throws(IPCError) -> PassedDescriptor {
        let ends = try mapping("give an invitation away", object: signal.name) { () throws(SystemCallError) in
            try DescriptorCalls.makePipe()
        }
        let given = PassedDescriptor(owning: ends.writing)
        let kept = try StreamDescriptor(OwnedDescriptor(owning: ends.reading), kind: .pipe, uses: 1)
        let watch = Task(executorPreference: IPCExecutor.shared) { [weak self] in
            let isCut = await Self.waitForHangUp(kept)
            kept.endUse()
            if isCut { self?.giveUpWaiting() }
        }
        let (before, isWaiting) = peer.withLock { peer -> (Task<Void, Never>?, Bool) in
            let before = peer.watch
            guard peer.route == nil, !sendLock.isClosed else { return (nil, false) }
            peer.watch = watch
            return (before, true)
        }
        before?.cancel()
        if !isWaiting { watch.cancel() }
        return given
    }

    /// False when the task is cancelled.
    private static func waitForHangUp(_ stream: StreamDescriptor) async -> Bool {
        while !Task.isCancelled {
            let readiness = try? PipeCalls.readiness(stream.number, for: .readable)
            if let readiness, !readiness.isDisjoint(with: [.hungUp, .error]) { return true }
            do throws(IPCError) {
                try await stream.registration.waitReadable(until: .never, "wait for the peer of a signal channel")
            } catch {
                if !error.isCancellation { try? await Task.sleep(for: .milliseconds(50)) }
            }
        }
        return false
    }

    /// Whoever was invited is dead, or has let go of the invitation, before it accepted.
    private func giveUpWaiting() {
        let isWaiting = peer.withLock { $0.route == nil }
        guard isWaiting else { return }
        isPeerGone.store(true, ordering: .releasing)
        window.withLock { $0.die() }
        room.signal()
        arrived.signal()
    }
}
