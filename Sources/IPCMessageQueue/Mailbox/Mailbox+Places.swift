public import IPCCore
public import IPCSharedMemory
import IPCSystem

/// Finding mailboxes.
extension Mailbox {
    /// The mailboxes of this machine, whoever made them.
    ///
    /// - Throws: as `SharedMemory.list`.
    public static func list() throws(IPCError) -> [SharedMemoryListing] {
        try SharedMemory.list().filter { $0.layout?.name == MailboxWords.layout.name }
    }

    /// Removes the name. Those who have it open go on using the mailbox.
    ///
    /// - Throws: `.notFound`, `.invalidName`, `.permissionDenied`; `.typeMismatch` when that name is something else, which
    ///   stays.
    public static func remove(named name: String) throws(IPCError) {
        let found = (try? SharedMemory.list())?.first { $0.place == .named(name) }
        if let found, found.layout?.name != MailboxWords.layout.name {
            throw IPCError(.typeMismatch, "remove a mailbox: \(name) is something else", object: name)
        }
        try SharedMemory.remove(.named(name))
    }

    /// Opens the region, which says what it is.
    static func open(
        _ name: String, _ intent: CreationIntent, _ options: MailboxOptions
    ) throws(IPCError) -> (SharedMemory, MailboxWords) {
        var memory = options.memory
        memory.slotCount = options.maximumProcesses
        memory.takesAnySize = true
        let byteCount: Int
        let initialize: (SharedBytes) -> Void
        let difference: (SharedBytes) throws(IPCError) -> String?
        switch options.delivery {
        case .workSharing:
            let shape = try QueueShape(try queueOptions(options), isFile: false)
            memory.allocatedByteCount = shape.initialByteCount
            byteCount = shape.byteCount
            initialize = { bytes in
                shape.write(to: bytes)
                QueueTable(bytes: bytes, shape: shape).blockCount = UInt32(shape.initialBlocks)
                MailboxWords.write(options, to: bytes)
            }
            difference = { (bytes: SharedBytes) throws(IPCError) in
                try QueueShape(reading: bytes, name).difference(from: shape)
            }
        case .broadcast:
            let shape = try MailLogShape(options)
            byteCount = shape.byteCount
            initialize = { bytes in
                shape.write(to: bytes)
                MailboxWords.write(options, to: bytes)
            }
            difference = { (bytes: SharedBytes) throws(IPCError) in
                try MailLogShape(reading: bytes, name).difference(from: shape)
            }
        }
        let region = try SharedMemory(
            at: .named(name), intent, byteCount: intent == .open ? nil : byteCount, layout: MailboxWords.layout,
            options: memory, initialize: initialize)
        let words = try MailboxWords(reading: region.payload, name)
        if intent != .open, !region.wasCreated {
            let isOther = words.delivery != options.delivery || words.overflow != options.whenFull
            let text =
                isOther
                ? "it is for \(words.delivery) and \(words.overflow) when full, not \(options.delivery) and "
                    + "\(options.whenFull)" : try difference(region.payload)
            try QueueShape.check(region, text, options.maximumProcesses, "open a mailbox")
        }
        return (region, words)
    }

    /// The queue in which shared work lies: each message with a return address before it.
    private static func queueOptions(_ options: MailboxOptions) throws(IPCError) -> SharedQueueOptions {
        guard options.capacity != .rendezvous else {
            throw IPCError(
                .invalidArgument,
                "make a mailbox: it holds messages for those who come later, so its capacity cannot be a rendezvous")
        }
        guard (0...Int(Int32.max) - ReturnAddress.byteCount).contains(options.maximumMessageSize) else {
            throw IPCError(.invalidArgument, "make a mailbox: maximumMessageSize is 0 to 2 GiB")
        }
        return SharedQueueOptions(
            capacity: options.capacity, maximumMessageSize: options.maximumMessageSize + ReturnAddress.byteCount,
            maximumDeliveries: options.maximumDeliveries, maximumProcesses: options.maximumProcesses,
            memory: options.memory)
    }

    static func file(of memory: SharedMemory) throws(IPCError) -> Int32 {
        guard let file = memory.file else {
            throw IPCError(.unsupported, "open a mailbox: it lies in no file", object: memory.place.name)
        }
        return file.number
    }
}
