import IPCSockets
import IPCSystem

/// What pool and worker agree on beside the protocol.
enum WorkerLink {
    /// The peer is the own child or parent, so arguments and results may be large; memory is taken as they arrive.
    static let socketOptions = SocketOptions(maximumMessageSize: 1 << 30)

    static let parcelOptions = SocketOptions(
        maximumMessageSize: 64, maximumDescriptors: PassedDescriptor.maximumPerMessage)

    /// The hello that a message is.
    static func readHello(_ message: [UInt8]) throws(IPCError) -> CallHello {
        var hello: CallHello?
        var refusal: CallFailure?
        try unsafe CallWire.forEachFrame(of: message.span.bytes) { (header, body) throws(IPCError) in
            guard hello == nil, refusal == nil else { throw CallWire.violation("more than a hello") }
            switch header.kind {
            case .hello: hello = try CallWire.readHello(body)
            case .failure: refusal = try CallWire.readFailure(body)
            default: throw CallWire.violation("something else than a hello")
            }
        }
        if let refusal { throw IPCError(.taskFailed, "its setUp failed: \(refusal.error.message)") }
        guard let hello else { throw CallWire.violation("an empty message for a hello") }
        return hello
    }

    static func wrongVersion(_ version: UInt32, _ who: String) -> IPCError {
        IPCError(
            .wrongVersion,
            "\(who) speaks version \(version) of the protocol and this process version \(CallWire.version): "
                + "build both with the same version of the library")
    }
}

/// A line on standard error, in one write.
enum StandardErrorLine {
    static func write(_ text: String) {
        let line = Array("\(text)\n".utf8)
        _ = try? unsafe line.span.bytes.withUnsafeBytes { bytes throws(SystemCallError) in
            try unsafe DescriptorCalls.write(2, bytes)
        }
    }
}
