import IPCCore
import IPCSystem

/// The descriptors of a message while it is being sent. Nobody else can take or close them meanwhile.
struct LentDescriptors {
    private let owners: [PassedDescriptor]
    let numbers: [Int32]

    init(_ owners: [PassedDescriptor], _ framing: StreamFraming) throws(IPCError) {
        guard owners.isEmpty || framing != .none else {
            throw IPCError(.invalidArgument, "send: descriptors travel with messages, not with bare bytes")
        }
        guard owners.count <= PassedDescriptor.maximumPerMessage else {
            throw IPCError(
                .invalidArgument,
                "send: the message has \(owners.count) descriptors and the limit is "
                    + "\(PassedDescriptor.maximumPerMessage); send it in parts")
        }
        var numbers: [Int32] = []
        for (index, owner) in owners.enumerated() {
            guard let number = owner.take() else {
                for (lent, owner) in zip(numbers, owners) { owner.restore(lent) }
                throw IPCError(
                    .invalidArgument,
                    "send: descriptor \(index) of the message was taken before, or stands in it twice")
            }
            numbers.append(number)
        }
        self.owners = owners
        self.numbers = numbers
    }

    /// The message was not sent: they are the caller's again.
    func giveBack() {
        for (owner, number) in zip(owners, numbers) { owner.restore(number) }
    }

    /// The message was sent: the peer has its own.
    func close() { numbers.forEach(closeDescriptor) }

    /// Says what the kernel means when it refuses descriptors.
    func explain(_ error: IPCError) -> IPCError {
        guard !numbers.isEmpty, error.errno == Errno.notPermitted else { return error }
        return IPCError(
            .permissionDenied, "send: the peer takes no descriptors; it must set maximumDescriptors", object: nil,
            systemCall: error.systemCall, errno: error.errno)
    }
}
