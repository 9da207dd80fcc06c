import IPCCore
import IPCSystem

/// Finds or makes a queue by its key. msgget(2).
struct SystemVQueueFounding {
    private static let doing = "open a System V queue"

    private let key: SystemVQueueKey?
    private let options: SystemVQueueOptions
    private var object: String { key.map { "key \($0)" } ?? "a private queue" }

    init(key: SystemVQueueKey?, _ options: SystemVQueueOptions) throws(IPCError) {
        self.key = key
        self.options = options
        if let limit = options.byteLimit, limit < 1 {
            throw IPCError(
                .invalidArgument, "\(Self.doing): a byteLimit of \(limit); 1 or more is needed", object: object)
        }
        try Self.check(options)
    }

    private static func check(_ options: SystemVQueueOptions) throws(IPCError) {
        if let limit = options.maximumMessageSize, !(0...(1 << 30)).contains(limit) {
            throw IPCError(
                .invalidArgument, "\(Self.doing): a maximumMessageSize of \(limit); 0 to \(1 << 30) is possible")
        }
    }

    func found(_ intent: CreationIntent) throws(IPCError) -> (identifier: Int32, wasCreated: Bool) {
        if intent != .create {
            do throws(IPCError) {
                return (try open(), false)
            } catch  where error.code == .notFound && intent == .openOrCreate {
                // It is made below.
            }
        }
        var attempts = 0
        while true {
            attempts += 1
            do throws(IPCError) {
                return (try make(), true)
            } catch  where error.code == .alreadyExists && intent == .openOrCreate && attempts < 100 {
                // Somebody has made it just now.
            }
            do throws(IPCError) {
                return (try open(), false)
            } catch  where error.code == .notFound && attempts < 100 {
                // And removed it.
            }
        }
    }

    private func open() throws(IPCError) -> Int32 {
        let identifier = try mapping(Self.doing, object: object) { () throws(SystemCallError) in
            try SystemVQueueCalls.get(key: key?.rawValue ?? 0, create: false, exclusive: false, permissions: 0)
        }
        do throws(IPCError) {
            _ = try Self.look(identifier, options)
        } catch  where error.code == .permissionDenied && error.systemCall != nil {
            // A queue that may be written and not read says nothing of itself; its owner let us write.
        }
        return identifier
    }

    private func make() throws(IPCError) -> Int32 {
        let limits = SystemVQueueLimits.current
        do throws(SystemCallError) {
            let identifier = try SystemVQueueCalls.get(
                key: key?.rawValue ?? 0, create: true, exclusive: true, permissions: options.permissions.rawValue)
            guard let byteLimit = options.byteLimit else { return identifier }
            do throws(SystemCallError) {
                try SystemVQueueCalls.set(
                    identifier, permissions: options.permissions.rawValue, byteLimit: byteLimit)
            } catch {
                // Nobody has heard of it yet, and it is not what was asked for.
                try? SystemVQueueCalls.remove(identifier)
                throw error
            }
            return identifier
        } catch {
            throw limits.explain(error, "make a System V queue", object: object, byteLimit: options.byteLimit)
        }
    }

    /// The state of a queue, if its owner is trusted.
    static func look(
        _ identifier: Int32, _ options: SystemVQueueOptions
    ) throws(IPCError) -> SystemVQueueCalls.Status {
        try check(options)
        let object = "queue \(identifier)"
        let status = try mapping(doing, object: object) { () throws(SystemCallError) in
            do throws(SystemCallError) {
                return try SystemVQueueCalls.status(of: identifier)
            } catch {
                let isGone = error.errno == Errno.invalid || error.errno == Errno.identifierRemoved
                throw isGone ? SystemCallError(error.call, Errno.notFound) : error
            }
        }
        guard options.owner.includes(status.owner) else {
            throw IPCError(
                .permissionDenied,
                "\(doing): it belongs to user \(status.owner), who is not trusted; name that owner if it is meant",
                object: object)
        }
        return status
    }
}
