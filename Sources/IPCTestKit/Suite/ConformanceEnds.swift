/// The sending side that the suite works with.
public typealias ByteSender = any SendChannel<[UInt8]> & ByteSendChannel
/// The receiving side that the suite works with.
public typealias ByteReceiver = any ReceiveChannel<[UInt8]> & ByteReceiveChannel

/// One end of a channel under test: it sends, it receives, or both.
public struct ConformanceEnds: Sendable {
    /// The end as a sender, unless it only receives.
    public let sender: ByteSender?
    /// The end as a receiver, unless it only sends.
    public let receiver: ByteReceiver?

    /// An end that does both.
    public init<End: Channel & ByteChannel>(_ end: End) where End.Inbound == [UInt8], End.Outbound == [UInt8] {
        sender = end
        receiver = end
    }

    /// An end that only sends.
    public init<End: SendChannel & ByteSendChannel>(sending end: End) where End.Outbound == [UInt8] {
        sender = end
        receiver = nil
    }

    /// An end that only receives.
    public init<End: ReceiveChannel & ByteReceiveChannel>(receiving end: End) where End.Inbound == [UInt8] {
        sender = nil
        receiver = end
    }

    /// Closes the end.
    public func close() {
        sender?.close()
        receiver?.close()
    }
}

/// Two connected ends in this process.
public struct ConformancePair: Sendable {
    /// One end.
    public let near: ConformanceEnds
    /// The other one.
    public let far: ConformanceEnds

    /// Two ends that both send and receive.
    public init<Near: Channel & ByteChannel, Far: Channel & ByteChannel>(_ near: Near, _ far: Far)
    where Near.Inbound == [UInt8], Near.Outbound == [UInt8], Far.Inbound == [UInt8], Far.Outbound == [UInt8] {
        self.near = ConformanceEnds(near)
        self.far = ConformanceEnds(far)
    }

    /// A channel with one direction.
    public init<Sender: SendChannel & ByteSendChannel, Receiver: ReceiveChannel & ByteReceiveChannel>(
        sender: Sender, receiver: Receiver
    ) where Sender.Outbound == [UInt8], Receiver.Inbound == [UInt8] {
        near = ConformanceEnds(sending: sender)
        far = ConformanceEnds(receiving: receiver)
    }

    /// Closes both ends.
    public func close() {
        near.close()
        far.close()
    }
}
