import IPCSockets

/// What goes beside a task or an answer because it does not fit into a frame: the file of a large value, and descriptors.
///
/// Parcels have a socket of their own, so that the channel of tasks need not look for descriptors at each read. A parcel is
/// sent before the frame that speaks of it: whoever has read the frame finds the parcel there.
struct Parcel: Sendable {
    /// The task that it belongs to.
    var id: UInt64
    var file: SealedFile?
    var descriptors: [PassedDescriptor]

    /// The most descriptors of a task or an output: those of one message, and one for a file.
    static let maximumDescriptors = PassedDescriptor.maximumPerMessage - 1

    /// The message: the task's number, and the word of the file, which is the first descriptor; 0 without.
    private var message: [UInt8] {
        var bytes: [UInt8] = []
        CallWire.append(id, to: &bytes)
        CallWire.append(file?.word ?? 0, to: &bytes)
        return bytes
    }

    private var numbers: [Int32] {
        ((file.map { [$0.descriptor] } ?? []) + descriptors).compactMap(\.borrowedNumber)
    }

    init(id: UInt64, _ bytes: TaskBytes) {
        self.id = id
        file = bytes.file
        descriptors = bytes.descriptors
    }

    /// Whose parcel a message is.
    static func id(of message: SocketMessage<[UInt8]>) throws(IPCError) -> UInt64 {
        guard message.payload.count == 16 else {
            throw CallWire.violation("a parcel of \(message.payload.count) bytes")
        }
        return unsafe message.payload.span.bytes.load(UInt64.self, at: 0)
    }

    init(_ message: SocketMessage<[UInt8]>) throws(IPCError) {
        id = try Parcel.id(of: message)
        let words = unsafe message.payload.span.bytes
        descriptors = message.descriptors
        let word = words.load(UInt64.self, at: 8)
        guard word > 0 else { return }
        guard !descriptors.isEmpty else { throw CallWire.violation("a parcel with a value and no descriptor") }
        file = try SealedFile(descriptors.removeFirst(), word: word)
    }

    /// Sends it; the descriptors stay open here, since the task may have to be sent to another worker as well.
    func send(through channel: SocketChannel) async throws(IPCError) {
        let message = message
        do throws(IPCError) {
            try await channel.sender.send(unsafe message.span.bytes, descriptors: numbers, until: .never)
        } catch {
            withExtendedLifetime(self) {}
            throw error
        }
        withExtendedLifetime(self) {}
    }

    /// Sends it if there is room now.
    func trySend(through channel: SocketChannel) throws(IPCError) -> Bool {
        let message = message
        defer { withExtendedLifetime(self) {} }
        return try channel.sender.trySend(unsafe message.span.bytes, descriptors: numbers)
    }
}
