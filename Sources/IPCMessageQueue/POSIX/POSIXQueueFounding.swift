import IPCCore
import IPCSystem

/// Finds or makes a queue by its name. mq_open(3).
struct POSIXQueueFounding {
    /// A queue that was opened.
    struct Founded: ~Copyable {
        let descriptor: OwnedDescriptor
        let wasCreated: Bool

        consuming func take() -> OwnedDescriptor { descriptor }
    }

    private static let doing = "open a POSIX queue"

    let name: String
    let options: POSIXQueueOptions
    private let bare: String

    init(_ name: String, _ options: POSIXQueueOptions) throws(IPCError) {
        self.name = name
        self.options = options
        bare = try POSIXQueueName.bare(name)
        try check(options.capacity, upTo: POSIXQueueCalls.largestCapacity, "messages")
        try check(options.maximumMessageSize, upTo: POSIXQueueCalls.largestMessageSize, "bytes in a message")
    }

    func found(_ intent: CreationIntent) throws(IPCError) -> Founded {
        switch intent {
        case .open: return try open()
        case .create: return try make()
        case .openOrCreate: break
        }
        // Others may make and remove it all the time; somebody gets it sooner or later.
        var attempts = 0
        while true {
            attempts += 1
            do throws(IPCError) {
                return try open()
            } catch  where error.code == .notFound && attempts < 100 {
                // It is made below.
            }
            do throws(IPCError) {
                return try make()
            } catch  where error.code == .alreadyExists && attempts < 100 {
                // It is opened above.
            }
        }
    }

    private var flags: FileCalls.Flags {
        switch options.access {
        case .sendAndReceive: [.readWrite, .nonblocking]
        case .send: [.writeOnly, .nonblocking]
        case .receive: [.readOnly, .nonblocking]
        }
    }

    private func open() throws(IPCError) -> Founded {
        let descriptor = try mapping(Self.doing, object: name) { () throws(SystemCallError) in
            try POSIXQueueCalls.open(bare, flags)
        }
        let number = descriptor.number
        let owner = try mapping(Self.doing, object: name) { () throws(SystemCallError) in
            try FileCalls.status(of: number).owner
        }
        guard options.owner.includes(owner) else {
            throw IPCError(
                .permissionDenied,
                "\(Self.doing): it belongs to user \(owner), who is not trusted; name that owner if it is meant",
                object: name)
        }
        let found = try mapping(Self.doing, object: name) { () throws(SystemCallError) in
            try POSIXQueueCalls.attributes(of: number)
        }
        guard (options.capacity ?? found.capacity) == found.capacity,
            (options.maximumMessageSize ?? found.messageSize) == found.messageSize
        else {
            throw IPCError(
                .typeMismatch,
                "\(Self.doing): \(options.capacity ?? found.capacity) messages of "
                    + "\(options.maximumMessageSize ?? found.messageSize) bytes were expected, and it is for "
                    + "\(found.capacity) of \(found.messageSize); ask for that, for nothing, or remove it first",
                object: name)
        }
        return Founded(descriptor: descriptor, wasCreated: false)
    }

    /// It has its attributes before it has its name; the permissions are at first those that the umask leaves of them, never
    /// more.
    private func make() throws(IPCError) -> Founded {
        let limits = POSIXQueueLimits.current
        let defaults = POSIXQueueLimits.defaults
        let shape: (capacity: Int, messageSize: Int)? =
            options.capacity == nil && options.maximumMessageSize == nil
            ? nil : (options.capacity ?? defaults.capacity, options.maximumMessageSize ?? defaults.messageSize)
        do throws(SystemCallError) {
            let descriptor = try POSIXQueueCalls.open(
                bare, flags.union([.create, .exclusive]), permissions: options.permissions.rawValue, shape: shape)
            try FileCalls.setPermissions(descriptor.number, options.permissions.rawValue)
            return Founded(descriptor: descriptor, wasCreated: true)
        } catch {
            throw limits.explain(error, "make a POSIX queue", object: name, shape ?? defaults)
        }
    }

    private func check(_ number: Int?, upTo limit: Int, _ what: String) throws(IPCError) {
        guard let number, !(1...limit).contains(number) else { return }
        throw IPCError(
            .invalidArgument, "\(Self.doing): \(number) \(what) are asked for, and 1 to \(limit) are possible",
            object: name)
    }
}
