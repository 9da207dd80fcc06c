public import IPCCore
import IPCSystem

/// Something that one process does, once, while the others wait for it.
///
/// - **Deaths**: who dies while it does it has not done it. The next one does it again, and is told, because some of it may
///   have been done. A waiter that dies is not missed.
public final class ProcessOnce: SyncObject {
    /// What listings call it.
    public static var objectKinds: Set<SyncObjectKind> { [.once] }
    /// The region that it lies in.
    public let region: SyncRegion
    static let type = SyncObjectType(kind: SyncObjectKind.once.rawValue, name: "a once", byteCount: 64)
    static let doneOffset = LockLayout.byteCount

    private let lock: LockWord
    private let done: SharedWord32

    init(_ bytes: SharedBytes, _ region: SyncRegion) {
        self.region = region
        lock = LockWord(bytes, region.participant)
        done = bytes.word32(Self.doneOffset)
    }

    /// Whether it has been done.
    public var isDone: Bool { done.loadAcquiring() != 0 }

    /// Who does it at this moment; nil when nobody does.
    public var holder: LockHolder? { isDone ? nil : lock.holder }

    /// Runs `body` unless it has been done; else waits until it has. `body` gets whether somebody died while doing it.
    ///
    /// - Returns: whether it was done here.
    /// - Throws: ``LockError/body(_:)`` with what `body` throws: then it has not been done, and the next one does it;
    ///   ``LockError/lock(_:)`` with `.cancelled`, `.timedOut`, `.busy` when this task does it, `.participantLost`.
    @discardableResult
    public func perform<Failure: Error>(
        until deadline: Deadline = .never, _ body: (_ previousDied: Bool) async throws(Failure) -> Void
    ) async throws(LockError<Failure>) -> Bool {
        if isDone { return false }
        let died: Bool
        do throws(IPCError) {
            died = try await lock.lock(until: deadline, "do something once")
        } catch {
            throw .lock(error)
        }
        lock.local.holder.set(CallerMark.task)
        defer { leave() }
        if isDone { return false }
        do throws(Failure) {
            try await body(died)
        } catch {
            throw .body(error)
        }
        do throws(IPCError) {
            try finish()
        } catch {
            throw .lock(error)
        }
        return true
    }

    /// The same on a thread that may block: never in a task.
    @discardableResult
    public func performBlocking<Failure: Error>(
        until deadline: Deadline = .never, _ body: (_ previousDied: Bool) throws(Failure) -> Void
    ) throws(LockError<Failure>) -> Bool {
        if isDone { return false }
        let died: Bool
        do throws(IPCError) {
            died = try lock.lockBlocking(until: deadline, "do something once")
        } catch {
            throw .lock(error)
        }
        return try run(died, body)
    }

    /// Runs `body` unless it has been done or somebody does it at this moment: never waits.
    ///
    /// - Returns: whether it was done here; nil when somebody is at it.
    /// - Throws: as ``performBlocking(until:_:)``, but for `.timedOut`.
    public func performIfAvailable<Failure: Error>(
        _ body: (_ previousDied: Bool) throws(Failure) -> Void
    ) throws(LockError<Failure>) -> Bool? {
        if isDone { return false }
        let died: Bool?
        do throws(IPCError) {
            died = try lock.tryLock("do something once")
        } catch {
            throw .lock(error)
        }
        guard let died else { return nil }
        return try run(died, body)
    }

    /// With the lock.
    private func run<Failure: Error>(
        _ died: Bool, _ body: (_ previousDied: Bool) throws(Failure) -> Void
    ) throws(LockError<Failure>) -> Bool {
        lock.local.holder.set(CallerMark.thread)
        defer { leave() }
        if isDone { return false }
        do throws(Failure) {
            try body(died)
        } catch {
            throw .body(error)
        }
        do throws(IPCError) {
            try finish()
        } catch {
            throw .lock(error)
        }
        return true
    }

    private func finish() throws(IPCError) {
        guard lock.isMine else { throw lock.lost("do something once") }
        KillPoints.pass("sync-once-before-done")
        done.storeReleasing(1)
    }

    private func leave() {
        lock.local.holder.set(0)
        lock.unlock()
    }
}

extension SyncRegion {
    /// Something to be done once in this region.
    ///
    /// - Throws: `.typeMismatch` when the name stands for something else; `.notFound`, `.alreadyExists`,
    ///   `.resourceExhausted`, `.invalidName`.
    public func once(_ name: String, _ intent: CreationIntent = .openOrCreate) throws(IPCError) -> ProcessOnce {
        ProcessOnce(try object(name, ProcessOnce.type, intent) { _ in }, self)
    }
}
