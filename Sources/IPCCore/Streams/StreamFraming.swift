/// How messages lie on a byte stream.
package enum StreamFraming: Sendable {
    /// No frames: a message is whatever bytes are there, and what is sent is sent as it is. For talking to any program.
    case none
    /// A hello, then frames (`FrameHeader`), from one writer.
    case frames
    /// The same from any number of writers at once, each message written in one piece of at most PIPE_BUF bytes. Every
    /// writer says hello and every writer ends; the stream has finished when as many have ended as have come.
    case framesFromManyWriters
}

/// What a stream end needs to know.
package struct StreamOptions: Sendable {
    package var framing: StreamFraming
    /// The largest payload in bytes, in and out.
    package var maximumMessageSize: Int
    /// The most descriptors that a message may bring; 0 where none are taken, which is always so with bare bytes.
    package var maximumDescriptors: Int

    /// 16 MiB.
    package static let defaultMaximumMessageSize = 16 << 20
    /// PIPE_BUF: what a pipe takes from one write without mixing it with others.
    package static let atomicWriteSize = 4096

    package init(
        framing: StreamFraming, maximumMessageSize: Int = defaultMaximumMessageSize, maximumDescriptors: Int = 0
    ) {
        self.framing = framing
        let overhead = Hello.byteCount + FrameHeader.byteCount
        // A limit that leaves room to add headers and offsets to it, whatever a peer announces.
        let largest = framing == .framesFromManyWriters ? Self.atomicWriteSize - overhead : Int.max >> 2
        self.maximumMessageSize = min(max(maximumMessageSize, framing == .none ? 1 : 0), largest)
        // Bare bytes have no messages that descriptors could belong to: recv(2) reads them, which has the kernel close
        // what came along.
        self.maximumDescriptors = framing == .none ? 0 : maximumDescriptors
    }
}
