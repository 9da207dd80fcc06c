public import IPCCore
import IPCSystem

extension SystemVSemaphoreSet {
    /// A part of what ``perform(_:until:)`` does at once.
    public struct Operation: Sendable, Hashable {
        /// The index of the semaphore.
        public var semaphore: Int
        /// What is added to its value; one that would fall below 0 waits. 0: waits until the value is 0.
        public var change: Int
        /// Whether the kernel takes it back when this process ends. SEM_UNDO.
        public var isUndoneAtDeath: Bool

        /// An operation as semop(2) takes it.
        public init(semaphore: Int, change: Int, isUndoneAtDeath: Bool) {
            (self.semaphore, self.change, self.isUndoneAtDeath) = (semaphore, change, isUndoneAtDeath)
        }

        /// Takes permits, which return when this process dies.
        public static func take(_ semaphore: Int, _ count: Int = 1, undoneAtDeath: Bool = true) -> Operation {
            Operation(semaphore: semaphore, change: -count, isUndoneAtDeath: undoneAtDeath)
        }

        /// Gives permits back. `undoneAtDeath` must be as it was when they were taken, or the kernel would give them again.
        public static func give(_ semaphore: Int, _ count: Int = 1, undoneAtDeath: Bool = true) -> Operation {
            Operation(semaphore: semaphore, change: count, isUndoneAtDeath: undoneAtDeath)
        }

        /// Waits until the value is 0.
        public static func waitForZero(_ semaphore: Int) -> Operation {
            Operation(semaphore: semaphore, change: 0, isUndoneAtDeath: false)
        }
    }

    /// Does all of the operations, in order, if it can be done now; else none. Never waits.
    ///
    /// - Throws: `.removed`; `.invalidArgument` for operations that the set cannot do; `.resourceExhausted` at a limit.
    public func tryPerform(_ operations: [Operation]) throws(IPCError) -> Bool {
        try operate(try checked(operations), until: 0)
    }

    /// Waits until all of the operations can be done at once, and does them.
    ///
    /// - Throws: `.cancelled` (within 25 ms), `.timedOut`: nothing was done then. `.resourceExhausted` when 256 calls wait
    ///   like this; as ``tryPerform(_:)``.
    public func perform(_ operations: [Operation], until deadline: Deadline = .never) async throws(IPCError) {
        let operations = try checked(operations)
        if Task.isCancelled { throw .cancelled("wait for semaphores") }
        if try operate(operations, until: 0) { return }
        if deadline.hasPassed { throw .timedOut("wait for semaphores") }
        try await BlockingCalls.shared.run(until: deadline, "wait for semaphores") { limit in
            do throws(IPCError) {
                return .success(try self.operate(operations, until: limit) ? () : nil)
            } catch {
                return .failure(error)
            }
        }
    }

    /// The same on the calling thread, which must not be one of Swift's own: never call it in a task. Here the kernel keeps
    /// the order of those who wait.
    ///
    /// - Throws: `.timedOut`; as ``tryPerform(_:)``.
    public func performBlocking(_ operations: [Operation], until deadline: Deadline = .never) throws(IPCError) {
        guard try operate(try checked(operations), until: deadline.nanoseconds) else {
            throw .timedOut("wait for semaphores")
        }
    }

    private func checked(_ operations: [Operation]) throws(IPCError) -> [SemaphoreCalls.Operation] {
        guard !operations.isEmpty, operations.count <= SemaphoreCalls.maximumOperations else {
            throw IPCError(
                .invalidArgument, "change semaphores: 1 to \(SemaphoreCalls.maximumOperations) operations are possible",
                object: object)
        }
        var given: [SemaphoreCalls.Operation] = []
        given.reserveCapacity(operations.count)
        for operation in operations {
            guard (0..<count).contains(operation.semaphore), let change = Int16(exactly: operation.change) else {
                throw IPCError(
                    .invalidArgument,
                    "change semaphores: the set has semaphores 0 to \(count - 1) with values up to \(Self.maximumValue)",
                    object: object)
            }
            given.append(
                SemaphoreCalls.Operation(UInt16(operation.semaphore), change, undoes: operation.isUndoneAtDeath))
        }
        return given
    }

    private func operate(_ operations: [SemaphoreCalls.Operation], until limit: UInt64) throws(IPCError) -> Bool {
        do throws(SystemCallError) {
            return try SemaphoreCalls.operate(identifier, operations, until: limit)
        } catch {
            throw explain(error, "change semaphores")
        }
    }
}
