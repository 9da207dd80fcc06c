import IPCCore
import IPCSystem

/// Makes or finds a System V set so that nobody uses it before it has its first values, and nobody gives them twice.
///
/// The values of a new set are 0. They all come in one semop(2), which also sets `sem_otime`, and which first waits,
/// without waiting, for each to be 0: so of several who try, one succeeds, and whoever is killed has given all or none.
struct SemaphoreSetFounding {
    /// How long a set may be without first values before somebody else gives them, in nanoseconds.
    private static let patience: UInt64 = 1_000_000_000
    private static let attempts = 100

    private let key: Int32
    private let intent: CreationIntent
    private let values: [Int]
    private let permissions: AccessPermissions

    init(
        key: Int32, _ intent: CreationIntent, _ values: [Int], _ permissions: AccessPermissions
    ) throws(IPCError) {
        guard intent == .open || !values.isEmpty else {
            throw IPCError(.invalidArgument, "make a semaphore set: say what values it begins with")
        }
        guard values.allSatisfy({ (0...SystemVSemaphoreSet.maximumValue).contains($0) }), values.count <= 250 else {
            throw IPCError(
                .invalidArgument,
                "make a semaphore set: up to 250 values of 0 to \(SystemVSemaphoreSet.maximumValue) are possible here")
        }
        guard key != 0 || intent == .create else {
            throw IPCError(.invalidArgument, "open a semaphore set: key 0 finds none; use its number")
        }
        (self.key, self.intent, self.values, self.permissions) = (key, intent, values, permissions)
    }

    /// What became of a set: its number, how many semaphores it has, whether it was made here.
    typealias Found = (set: Int32, count: Int, wasCreated: Bool)

    func take(until deadline: Deadline) async throws(IPCError) -> Found {
        let point = WaitEngine.shared.makeWaitPoint()
        for _ in 0..<Self.attempts {
            if let made = try found() { return made }
            do throws(IPCError) {
                let set = try find()
                var pace = RetryPace(first: .microseconds(200), limit: .milliseconds(20))
                let limit = MonotonicClock.nanoseconds + Self.patience
                while true {
                    if let count = try readyCount(of: set, limit) { return (set, count, false) }
                    try await pace.pause(at: point, until: deadline, "wait for a semaphore set's first values")
                }
            } catch {
                guard isGone(error) else { throw error }
            }
        }
        throw lostError
    }

    /// The same on a thread that may block.
    func takeBlocking(until deadline: Deadline) throws(IPCError) -> Found {
        for _ in 0..<Self.attempts {
            if let made = try found() { return made }
            do throws(IPCError) {
                let set = try find()
                var pace = RetryPace(first: .microseconds(200), limit: .milliseconds(20))
                let limit = MonotonicClock.nanoseconds + Self.patience
                while true {
                    if let count = try readyCount(of: set, limit) { return (set, count, false) }
                    try pace.pauseBlocking(until: deadline, "wait for a semaphore set's first values")
                }
            } catch {
                guard isGone(error) else { throw error }
            }
        }
        throw lostError
    }

    /// Makes it, if it may; nil when there is one.
    private func found() throws(IPCError) -> Found? {
        guard intent != .open, let made = try make() else { return nil }
        KillPoints.pass("semaphore set made")
        return try give(made) || intent == .create ? (made, values.count, true) : nil
    }

    /// Removed between the look and now: the next round makes it, where that was asked for.
    private func isGone(_ error: IPCError) -> Bool {
        intent == .openOrCreate && (error.code == .notFound || error.code == .removed)
    }

    private var lostError: IPCError {
        IPCError(.notFound, "open a semaphore set: it comes and goes", object: "key \(key)")
    }

    private func make() throws(IPCError) -> Int32? {
        do throws(SystemCallError) {
            return try SemaphoreCalls.get(
                key: key, count: values.count, create: true, exclusive: true, permissions: permissions.rawValue)
        } catch {
            switch error.errno {
            case Errno.exists where intent == .openOrCreate: return nil
            case Errno.noSpace:
                throw IPCError(
                    .resourceExhausted,
                    "make a semaphore set: no set or semaphore is free; raise kernel.sem, or remove some",
                    object: "key \(key)", systemCall: error.call.rawValue, errno: error.errno)
            default: throw IPCError(error, "make a semaphore set", object: "key \(key)")
            }
        }
    }

    private func find() throws(IPCError) -> Int32 {
        do throws(SystemCallError) {
            return try SemaphoreCalls.get(
                key: key, count: values.count, create: false, exclusive: false, permissions: 0)
        } catch {
            guard error.errno == Errno.invalid else {
                throw IPCError(error, "open a semaphore set", object: "key \(key)")
            }
            throw IPCError(
                .typeMismatch, "open a semaphore set: it has fewer semaphores than \(values.count)",
                object: "key \(key)", systemCall: error.call.rawValue, errno: error.errno)
        }
    }

    /// Gives the first values; false when somebody else did, or the set is gone.
    private func give(_ set: Int32) throws(IPCError) -> Bool {
        do throws(SystemCallError) {
            guard try SemaphoreCalls.status(of: set).lastOperation == 0 else { return false }
            var operations = values.indices.map { SemaphoreCalls.Operation(UInt16($0), 0, undoes: false) }
            for (index, value) in values.enumerated() where value > 0 {
                operations.append(SemaphoreCalls.Operation(UInt16(index), Int16(value), undoes: false))
            }
            return try SemaphoreCalls.operate(set, operations, until: 0)
        } catch {
            if error.errno == Errno.identifierRemoved || error.errno == Errno.invalid { return false }
            throw IPCError(error, "give a semaphore set its first values", object: "key \(key)")
        }
    }

    /// How many semaphores the set has, once it has its first values; nil while it has not.
    private func readyCount(of set: Int32, _ limit: UInt64) throws(IPCError) -> Int? {
        let status = try look(set)
        if status.lastOperation != 0 { return status.count }
        guard MonotonicClock.nanoseconds >= limit else { return nil }
        // Whoever made it was killed, or is a program that gives values without an operation: then some differ from 0, this
        // does nothing, and they stand.
        if intent == .openOrCreate { _ = try give(set) }
        return status.count
    }

    private func look(_ set: Int32) throws(IPCError) -> SemaphoreCalls.Status {
        do throws(SystemCallError) {
            return try SemaphoreCalls.status(of: set)
        } catch {
            guard error.errno == Errno.identifierRemoved || error.errno == Errno.invalid else {
                throw IPCError(error, "open a semaphore set", object: "key \(key)")
            }
            throw IPCError(.removed, "open a semaphore set: it was removed", object: "key \(key)")
        }
    }
}
