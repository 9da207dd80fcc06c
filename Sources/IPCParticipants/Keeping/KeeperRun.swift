import IPCCore
import IPCSystem
import Synchronization

/// What a keeper thread does; only that thread has it.
struct KeeperRun: ~Copyable {
    private let keeper: Keeper
    private let thread = ProcessFacts.threadID
    /// The regions in which it has a slot, each with its place and the lock that tells when the process is gone.
    private var regions: [(attachment: Attachment, place: ParticipantPlace, life: LifeLock?)] = []
    /// Requests whose region is locked by another process.
    private var pending: [Keeper.Request] = []
    private var pace = RetryPace()
    private var waitSet = FutexWaitSet()
    /// Whether the last sleep came to its end without a wake-up.
    private var sleptOut = false
    /// Why this thread cannot keep anything.
    private var failure: IPCError?

    init(_ keeper: Keeper) { self.keeper = keeper }

    mutating func serve() {
        do {
            try mapping("attach to a shared region") { () throws(SystemCallError) in
                try RobustList.begin()
                try DeathFence.register()
            }
        } catch {
            failure = error
        }
        while true { turn() }
    }

    /// Serves requests, looks at every region, and sleeps until something changes.
    private mutating func turn() {
        // Before anything is looked at, so that what comes later ends the sleep.
        let seen = keeper.control.value
        waitSet.removeAll()
        waitSet.add(keeper.control, seen)
        serveRequests()
        var watchesTokens = false
        // More regions than a keeper has are possible for a moment, while one is left and entered again.
        for (attachment, place, _) in regions where waitSet.count + Keeper.watchedSuccessors < FutexWaitSet.limit {
            let table = attachment.table
            // Also before the sweep: whoever comes after this ends the sleep.
            waitSet.add(table.rosterEpoch, table.rosterEpoch.loadAcquiring())
            let announced = table.sweep(file: attachment.file.number)
            if sleptOut { KeeperFacts.late.wrappingAdd(UInt64(announced), ordering: .relaxed) }
            KillPoints.pass("participants-keeper-swept")
            let before = waitSet.count
            guard table.watchSuccessors(of: place.slot, count: Keeper.watchedSuccessors, in: &waitSet) else { return }
            guard waitSet.count > before else { continue }
            if !watchesTokens { waitSet.primary = before }
            watchesTokens = true
        }
        KillPoints.pass("participants-keeper-watches")
        sleep(seen, watchesTokens: watchesTokens)
        KillPoints.pass("participants-keeper-woke")
    }

    private mutating func sleep(_ seen: UInt32, watchesTokens: Bool) {
        let now = MonotonicClock.nanoseconds
        // Who is alone needs no second look: others announce themselves.
        var limit = watchesTokens ? now + 2 * ParticipantTable.backstop : .max
        if !pending.isEmpty {
            limit = min(limit, now + pace.next())
            for request in pending where waitSet.count < FutexWaitSet.limit {
                // Whoever has the lock changes the roster before he lets go of it.
                let roster = request.attachment.table.rosterEpoch
                waitSet.add(roster, roster.loadAcquiring())
            }
        }
        do {
            sleptOut = try waitSet.wait(until: limit) && pending.isEmpty
        } catch {
            // A word is not there any more, or memory is short: look at all of it again soon.
            keeper.control.wait(while: seen, until: now + 20_000_000)
        }
    }

    /// Does what can be done; what finds its region locked stays, and so does what comes after it for the same region.
    private mutating func serveRequests() {
        let requests = pending + keeper.takeRequests()
        pending = []
        guard !requests.isEmpty else { return }
        var blocked: Set<Attachment.FileKey> = []
        for request in requests {
            let key = request.attachment.key
            if blocked.contains(key) || !perform(request) {
                blocked.insert(key)
                pending.append(request)
            } else {
                pace = RetryPace()
            }
        }
    }

    /// False when somebody else has the region's lock.
    private mutating func perform(_ request: Keeper.Request) -> Bool {
        switch request {
        case .attach(let attachment): attach(attachment)
        case .detach(let attachment): detach(attachment)
        }
    }

    private mutating func attach(_ attachment: Attachment) -> Bool {
        guard attachment.mayAttach() else {
            attachment.didEnd(nil)
            return true
        }
        do throws(IPCError) {
            if let failure { throw failure }
            guard let (place, life) = try takeSlot(attachment) else { return false }
            regions.append((attachment, place, life))
            attachment.didAttach(place)
        } catch {
            attachment.didEnd(error)
        }
        return true
    }

    /// Nil when somebody else has the region's lock.
    private func takeSlot(
        _ attachment: Attachment
    ) throws(IPCError) -> (place: ParticipantPlace, life: LifeLock?)? {
        let table = attachment.table
        let boot = try mapping("attach to a shared region") { () throws(SystemCallError) in
            try attachment.memory.wipeNodesOnFork()
            return try KernelFacts.bootIdentifier()
        }
        let lock = try mapping("lock a shared region") { () throws(SystemCallError) in
            try RangeLock.tryTake(attachment.file.number)
        }
        guard let lock else { return nil }
        KillPoints.pass("participants-attach-locked")
        table.forgetEarlierBoot(boot)
        guard let place = table.takeSlot(keeper: thread, file: attachment.file.number) else {
            throw IPCError(
                .resourceExhausted,
                "attach to a shared region: all \(table.slotCount) slots of its participant table are taken by living "
                    + "processes; make the region with more slots")
        }
        // Without one, because descriptors are short, say, whoever looks into our death has to do it the long way.
        let life = try? LifeLock.tryTake(attachment.file.number, byte: ParticipantLayout.lifeByte(of: place.slot))
        if life != nil { table.slot(place.slot).held.storeSequential(place.generation) }
        _ = consume lock
        KillPoints.pass("participants-attach-unlocked")
        // Not before: what others see of us is complete.
        let word = OwnerWord(slot: place.slot, generation: place.generation)
        table.privateOwnerWord(of: place.slot).storeSequential(word.rawValue)
        return (place, life)
    }

    /// False when somebody else has the region's lock.
    private mutating func detach(_ attachment: Attachment) -> Bool {
        guard let index = regions.firstIndex(where: { $0.attachment === attachment }) else { return true }
        let place = regions[index].place
        let table = attachment.table
        do throws(SystemCallError) {
            guard let lock = try RangeLock.tryTake(attachment.file.number) else { return false }
            KillPoints.pass("participants-detach-locked")
            table.giveBack(place)
            // Before the next one in the slot wants it.
            regions[index].life = nil
            _ = consume lock
        } catch {
            // Without the lock nothing may change: no descriptor is free, say. It is tried again.
            return false
        }
        regions.remove(at: index)
        attachment.didEnd(nil)
        return true
    }
}

/// How long a keeper waits before it tries a lock again: 0.2 ms at first, at most 10 ms.
private struct RetryPace {
    private var delay: UInt64 = 200_000

    mutating func next() -> UInt64 {
        defer { delay = min(delay * 2, 10_000_000) }
        return delay
    }
}
