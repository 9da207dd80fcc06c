import IPCSystem

/// The descriptors that come with messages.
extension StreamReceiver {
    /// The descriptors that came with the message, which the caller now owns.
    package func takeDescriptors() -> [PassedDescriptor] {
        let taken = messageDescriptors.map { PassedDescriptor(owning: $0) }
        messageDescriptors = []
        return taken
    }

    /// The descriptors that belong to the frame at the front of the buffer, which is complete.
    func takeDescriptors(of header: FrameHeader) throws(IPCError) -> [Int32] {
        try arrivedDescriptors.take(
            frame: FrameHeader.byteCount + Int(header.length), of: buffer.count,
            announced: Int(header.descriptorCount))
    }

    func closeMessageDescriptors() {
        messageDescriptors.forEach(closeDescriptor)
        messageDescriptors = []
    }
}
