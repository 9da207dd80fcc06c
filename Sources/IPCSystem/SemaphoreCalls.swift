import CIPC

/// System V semaphore sets. semget(2), semop(2), semctl(2).
package enum SemaphoreCalls {
    package struct Operation: Sendable {
        package var number: UInt16
        package var change: Int16
        package var undoes: Bool

        package init(_ number: UInt16, _ change: Int16, undoes: Bool) {
            (self.number, self.change, self.undoes) = (number, change, undoes)
        }
    }

    package struct Status: Sendable {
        package let key: Int32
        package let set: Int32
        package let owner: UInt32
        package let permissions: UInt32
        package let count: Int
        /// Seconds since 1970; 0 before the first operation.
        package let lastOperation: Int64
        package let lastChange: Int64

        init(_ found: cipc_semaphore_status) {
            (key, set, owner, permissions) = (found.key, found.set, found.owner, found.mode)
            (count, lastOperation, lastChange) = (Int(clamping: found.count), found.last_operation, found.last_change)
        }
    }

    package enum Fact: Int32, Sendable { case value = 0, lastProcess, waiters, zeroWaiters }

    /// The most operations of one call here; the kernel's own limit (kernel.sem) is 500, too, unless it was changed.
    package static let maximumOperations = 500

    package static func get(
        key: Int32, count: Int, create: Bool, exclusive: Bool, permissions: UInt32
    ) throws(SystemCallError) -> Int32 {
        Int32(
            try retrying(.semget) {
                cipc_semaphore_get(key, Int32(clamping: count), create ? 1 : 0, exclusive ? 1 : 0, permissions)
            })
    }

    /// All of the operations, or none: false when they would have to wait beyond `limit` (CLOCK_MONOTONIC nanoseconds; 0
    /// for not at all). Blocks the thread.
    package static func operate(
        _ set: Int32, _ operations: [Operation], until limit: UInt64
    ) throws(SystemCallError) -> Bool {
        let given = operations.map {
            cipc_semaphore_operation(number: $0.number, change: $0.change, flags: $0.undoes ? cipc_semaphore_undo : 0)
        }
        return try retryingUnlessBlocked(.semop) {
            var nanoseconds: Int64 = -1
            if limit != .max {
                let now = MonotonicClock.nanoseconds
                nanoseconds = limit <= now ? 0 : Int64(clamping: limit - now)
            }
            // SAFETY: the list outlives the call, which only reads it.
            return unsafe given.withUnsafeBufferPointer {
                unsafe cipc_semaphore_operate(set, $0.baseAddress!, $0.count, nanoseconds)
            }
        } != nil
    }

    package static func status(of set: Int32) throws(SystemCallError) -> Status {
        var found = cipc_semaphore_status()
        _ = try retrying(.semctl) { unsafe cipc_semaphore_stat(set, &found) }
        return Status(found)
    }

    package static func read(_ set: Int32, _ number: Int, _ fact: Fact) throws(SystemCallError) -> Int {
        try retrying(.semctl) { cipc_semaphore_read(set, Int32(clamping: number), fact.rawValue) }
    }

    package static func write(_ set: Int32, _ number: Int, _ value: Int) throws(SystemCallError) {
        _ = try retrying(.semctl) { cipc_semaphore_write(set, Int32(clamping: number), Int32(clamping: value)) }
    }

    /// The values of all `count` semaphores at one moment.
    package static func readAll(_ set: Int32, count: Int) throws(SystemCallError) -> [UInt16] {
        var values = [UInt16](repeating: 0, count: count)
        _ = try retrying(.semctl) {
            // SAFETY: a set never changes its size, so the kernel writes `count` values.
            unsafe values.withUnsafeMutableBufferPointer { unsafe cipc_semaphore_read_all(set, $0.baseAddress!) }
        }
        return values
    }

    package static func remove(_ set: Int32) throws(SystemCallError) {
        _ = try retrying(.semctl) { cipc_semaphore_remove(set) }
    }

    /// All sets of this machine's IPC namespace.
    package static func all() throws(SystemCallError) -> [Status] {
        let highest = try retrying(.semctl) { cipc_semaphore_highest_index() }
        var found: [Status] = []
        for index in 0...max(0, highest) {
            var status = cipc_semaphore_status()
            if unsafe cipc_semaphore_stat_index(Int32(index), &status) >= 0 { found.append(Status(status)) }
        }
        return found
    }
}
