public import IPCCore
import IPCSystem

/// What another process needs to know to be the other end of a ``SignalChannel``.
///
/// Give it to a child with `transferring:`, or as text in an argument or a file: `SignalInvitation("1234:5678:34:99")`.
/// One process can accept it, once.
public struct SignalInvitation: Sendable, Hashable, Codable {
    /// The process that invites.
    public let processID: Int32
    /// The signal that carries the messages.
    public let signal: Signal
    /// When that process started, so that another one with its number is not taken for it.
    let start: UInt64
    /// Which channel of that process it is.
    let number: UInt32

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

extension SignalInvitation: DescriptorTransferable {
    /// Its text; there is no descriptor.
    public consuming func transfer() -> TransferredDescriptors {
        TransferredDescriptors(descriptors: [], state: Array(description.utf8))
    }

    /// - Throws: `.decodingFailed` when `transferred` is no invitation.
    public static func receive(_ transferred: TransferredDescriptors) throws(IPCError) -> SignalInvitation {
        guard transferred.descriptors.isEmpty,
            let invitation = SignalInvitation(String(decoding: transferred.state, as: UTF8.self))
        else {
            throw IPCError(.decodingFailed, "receive an invitation: this is none of a signal channel")
        }
        return invitation
    }
}
