public import IPCCore
import IPCSystem

extension SystemVSemaphoreSet {
    /// A set that was found on this machine.
    public struct Listing: Sendable, Hashable {
        /// The key; 0 for one without.
        public var key: Int32
        /// Its number.
        public var identifier: Int32
        /// How many semaphores it has.
        public var count: Int
        /// The user whom it belongs to.
        public var owner: UInt32
        /// Who may use it.
        public var permissions: AccessPermissions
        /// Whether an operation was ever done on it.
        public var wasUsed: Bool
    }

    /// The values of all semaphores at one moment. - Throws: `.removed`.
    public func values() throws(IPCError) -> [Int] {
        try reading { () throws(SystemCallError) in
            try SemaphoreCalls.readAll(identifier, count: count).map { Int($0) }
        }
    }

    /// Sets a value, whatever it was, and wakes who waits for it. Undo of that semaphore is forgotten, in all processes.
    ///
    /// - Throws: `.removed`, `.invalidArgument`.
    public func setValue(_ value: Int, of semaphore: Int) throws(IPCError) {
        try check(semaphore)
        guard (0...Self.maximumValue).contains(value) else {
            throw IPCError(.invalidArgument, "set a semaphore: 0 to \(Self.maximumValue) is possible", object: object)
        }
        try reading { () throws(SystemCallError) in try SemaphoreCalls.write(identifier, semaphore, value) }
    }

    /// How many wait for the value to grow. - Throws: `.removed`, `.invalidArgument`.
    public func waiterCount(of semaphore: Int) throws(IPCError) -> Int { try read(semaphore, .waiters) }

    /// How many wait for the value to be 0. - Throws: `.removed`, `.invalidArgument`.
    public func zeroWaiterCount(of semaphore: Int) throws(IPCError) -> Int { try read(semaphore, .zeroWaiters) }

    /// The process that changed the semaphore last; nil when none did. It may be gone, and its number another's.
    ///
    /// - Throws: `.removed`, `.invalidArgument`.
    public func lastProcessID(of semaphore: Int) throws(IPCError) -> Int32? {
        let process = try read(semaphore, .lastProcess)
        return process == 0 ? nil : Int32(clamping: process)
    }

    /// Removes the set. Everybody who waits gets `.removed`, and so does who uses it later.
    ///
    /// - Throws: `.removed` when somebody did so before; `.permissionDenied`.
    public func remove() throws(IPCError) {
        try reading { () throws(SystemCallError) in try SemaphoreCalls.remove(identifier) }
    }

    /// Removes the set of this key. - Throws: `.notFound`, `.permissionDenied`.
    public static func remove(key: Int32) throws(IPCError) {
        try mapping("remove a semaphore set", object: "key \(key)") { () throws(SystemCallError) in
            try SemaphoreCalls.remove(
                try SemaphoreCalls.get(key: key, count: 0, create: false, exclusive: false, permissions: 0))
        }
    }

    /// All sets of this machine (of this IPC namespace), whoever made them. - Throws: what the system says.
    public static func list() throws(IPCError) -> [Listing] {
        try mapping("list semaphore sets") { () throws(SystemCallError) in try SemaphoreCalls.all() }.map {
            Listing(
                key: $0.key, identifier: $0.set, count: $0.count, owner: $0.owner,
                permissions: AccessPermissions(rawValue: $0.permissions), wasUsed: $0.lastOperation != 0)
        }
    }

    private func check(_ semaphore: Int) throws(IPCError) {
        guard (0..<count).contains(semaphore) else {
            throw IPCError(.invalidArgument, "the set has semaphores 0 to \(count - 1)", object: object)
        }
    }

    private func read(_ semaphore: Int, _ fact: SemaphoreCalls.Fact) throws(IPCError) -> Int {
        try check(semaphore)
        return try reading { () throws(SystemCallError) in try SemaphoreCalls.read(identifier, semaphore, fact) }
    }

    private func reading<Value>(_ body: () throws(SystemCallError) -> Value) throws(IPCError) -> Value {
        do throws(SystemCallError) {
            return try body()
        } catch {
            throw explain(error, "use a semaphore set")
        }
    }
}
