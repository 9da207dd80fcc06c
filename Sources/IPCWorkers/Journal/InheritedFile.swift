/// An open file as it goes to a child: one descriptor and nothing to say about it.
struct InheritedFile: DescriptorTransferable {
    private let descriptor: PassedDescriptor

    init(_ descriptor: PassedDescriptor) {
        self.descriptor = descriptor
    }

    consuming func transfer() throws(IPCError) -> TransferredDescriptors {
        TransferredDescriptors(descriptors: [descriptor])
    }

    static func receive(_ transferred: TransferredDescriptors) throws(IPCError) -> InheritedFile {
        guard transferred.descriptors.count == 1 else {
            throw IPCError(
                .invalidArgument, "take a file from the parent: \(transferred.descriptors.count) descriptors")
        }
        return InheritedFile(transferred.descriptors[0])
    }

    /// The number, which the caller must close; nil when it was taken before.
    func take() -> Int32? { descriptor.take() }
}
