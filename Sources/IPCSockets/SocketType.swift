import IPCCore
import IPCSystem

/// What a connected socket carries.
public enum SocketType: Sendable, Hashable {
    /// A stream of bytes, in which this library marks the messages. Unix and TCP. SOCK_STREAM.
    case stream
    /// Packets: each message is one, and the kernel keeps them apart. Unix alone. A packet has at most
    /// ``SocketOptions/maximumPacketSize`` bytes, goes out as a whole or not at all, and other programs that read packets
    /// need to know nothing of this library's framing but ``SocketFraming/bytes``. SOCK_SEQPACKET, unix(7).
    case packets

    var kind: SocketCalls.Kind { self == .packets ? .packets : .stream }
}

extension StreamDescriptor.Kind {
    /// What a connected or listening socket is to a stream.
    init(_ isUnix: Bool, _ type: SocketType) {
        self = isUnix ? type == .packets ? .packetSocket : .socket : .networkSocket
    }

    /// What the kernel says that a socket is.
    init(of number: Int32) throws(SystemCallError) {
        let isUnix = try NetworkCalls.family(number) == .unix
        self.init(isUnix, isUnix ? try NetworkCalls.kind(number) == .packets ? .packets : .stream : .stream)
    }
}
