public import IPCCore
import IPCSystem

extension SystemVMessageQueue {
    /// What the kernel knows of a queue. msgctl(2) IPC_STAT.
    public struct Statistics: Sendable, Hashable {
        /// The key; nil for a queue without.
        public var key: SystemVQueueKey?
        /// The number of the queue.
        public var identifier: Int32
        /// The user whom it belongs to.
        public var owner: UInt32
        /// Who may use it.
        public var permissions: AccessPermissions
        /// How many messages wait.
        public var depth: Int
        /// The bytes of those messages.
        public var byteCount: Int
        /// How many bytes it holds. msg_qbytes.
        public var byteLimit: Int
        /// The process that sent last, nil for none. It may be gone, and its number another's. msg_lspid.
        public var lastSender: Int32?
        /// The process that received last, nil for none. msg_lrpid.
        public var lastReceiver: Int32?
        /// When the last message was sent, in seconds since 1970; nil for never. msg_stime.
        public var lastSendTime: Int64?
        /// When the last message was received, in seconds since 1970; nil for never. msg_rtime.
        public var lastReceiveTime: Int64?
        /// When the queue was made or its limits or permissions changed, in seconds since 1970. msg_ctime.
        public var lastChangeTime: Int64

        init(_ found: SystemVQueueCalls.Status) {
            key = found.key == 0 ? nil : SystemVQueueKey(checked: found.key)
            (identifier, owner) = (found.queue, found.owner)
            permissions = AccessPermissions(rawValue: found.permissions)
            (depth, byteCount, byteLimit) = (found.depth, found.byteCount, found.byteLimit)
            lastSender = found.lastSender == 0 ? nil : found.lastSender
            lastReceiver = found.lastReceiver == 0 ? nil : found.lastReceiver
            lastSendTime = found.lastSend == 0 ? nil : found.lastSend
            lastReceiveTime = found.lastReceive == 0 ? nil : found.lastReceive
            lastChangeTime = found.lastChange
        }
    }

    /// What the kernel knows of this queue. msgctl(2) IPC_STAT.
    ///
    /// - Throws: `.removed`; `.permissionDenied` when it may not be read; `.closed`.
    public var statistics: Statistics {
        get throws(IPCError) {
            try calls.checkOpen("look at a System V queue")
            return try reading("look at a System V queue") { () throws(SystemCallError) in
                Statistics(try SystemVQueueCalls.status(of: identifier))
            }
        }
    }

    /// How many messages wait at this moment. - Throws: as ``statistics``.
    public var depth: Int {
        get throws(IPCError) { try statistics.depth }
    }

    /// Sets how many bytes of messages the queue holds. msg_qbytes. Its owner may; above kernel.msgmnb it takes
    /// CAP_SYS_RESOURCE.
    ///
    /// - Throws: `.resourceExhausted` above kernel.msgmnb; `.permissionDenied`; `.removed`; `.invalidArgument`; `.closed`.
    public func setByteLimit(_ byteLimit: Int) throws(IPCError) {
        guard byteLimit >= 1 else {
            throw IPCError(
                .invalidArgument, "change a System V queue: a limit of \(byteLimit) bytes; 1 or more is needed",
                object: object)
        }
        let permissions = try statistics.permissions.rawValue
        do throws(SystemCallError) {
            try SystemVQueueCalls.set(identifier, permissions: permissions, byteLimit: byteLimit)
        } catch {
            if error.errno == Errno.notPermitted {
                throw SystemVQueueLimits.current.explain(
                    error, "change a System V queue", object: object, byteLimit: byteLimit)
            }
            throw explain(error, "change a System V queue")
        }
    }

    /// Removes the queue with all its messages. Everybody who waits gets `.removed`, and so does who uses it later.
    ///
    /// - Throws: `.removed` when somebody did so before; `.permissionDenied`.
    public func remove() throws(IPCError) {
        try reading("remove a System V queue") { () throws(SystemCallError) in
            try SystemVQueueCalls.remove(identifier)
        }
    }

    /// Removes the queue of this key. - Throws: `.notFound`, `.permissionDenied`.
    public static func remove(_ key: SystemVQueueKey) throws(IPCError) {
        try mapping("remove a System V queue", object: "key \(key)") { () throws(SystemCallError) in
            try SystemVQueueCalls.remove(
                try SystemVQueueCalls.get(key: key.rawValue, create: false, exclusive: false, permissions: 0))
        }
    }

    /// Removes the queue of this number. - Throws: `.notFound`, `.permissionDenied`.
    public static func remove(identifier: Int32) throws(IPCError) {
        try mapping("remove a System V queue", object: "queue \(identifier)") { () throws(SystemCallError) in
            do throws(SystemCallError) {
                try SystemVQueueCalls.remove(identifier)
            } catch {
                let isGone = error.errno == Errno.invalid || error.errno == Errno.identifierRemoved
                throw isGone ? SystemCallError(error.call, Errno.notFound) : error
            }
        }
    }

    /// All queues of this machine (of this IPC namespace), whoever made them. - Throws: what the system says.
    public static func list() throws(IPCError) -> [Statistics] {
        try mapping("list System V queues") { () throws(SystemCallError) in try SystemVQueueCalls.all() }
            .map(Statistics.init)
    }

    private func reading<Value>(
        _ doing: String, _ body: () throws(SystemCallError) -> Value
    ) throws(IPCError) -> Value {
        do throws(SystemCallError) {
            return try body()
        } catch {
            throw explain(error, doing)
        }
    }
}
