/// Who serves in a server, who is to come and who is to go: a value that is told what happens and says what is to be done.
///
/// Each *place* below ``target`` is to have one process of the current *version* that is ready. A rolling restart raises
/// the version; a place whose processes are all older gets a new one, one place at a time, and the older ones go when it is
/// ready. So there are never fewer that accept than before, and a version that does not come up replaces nobody. The place of
/// a process that has asked to be replaced gets a new one in the same way, again and again until one comes up, after a wait
/// that grows as after deaths.
struct ServerRoster: Sendable {
    typealias ID = Int

    private(set) var target: Int
    private(set) var members: [ID: Member] = [:]
    private(set) var version = 0
    private(set) var isClosing = false
    /// Why the server has given up.
    private(set) var failure: IPCError?
    private(set) var crashRestarts = 0
    private(set) var lastFailedRoll: (version: Int, error: IPCError)?
    /// The last version to which all were brought.
    private var rolledVersion = 0
    private let limit: WorkerPoolOptions.RestartLimit
    private let backoff: MultiProcessServerOptions.RestartBackoff
    private var tally: RestartTally
    private var lastID = 0
    private var freeRows: [Int]
    /// Deaths in a row of each place, and requests to be replaced that came soon after the start.
    private var deaths: [Int: Int] = [:]
    /// How often each place had to be filled again.
    private(set) var restarts: [Int: Int] = [:]
    private var hasEverBeenReady = false
    private var isRolling = false

    /// How many rows a table of statistics needs: each place's process, and one that is leaving.
    static func rowCount(maximumWorkers: Int) -> Int { 2 * maximumWorkers }

    init(
        target: Int, maximumWorkers: Int, limit: WorkerPoolOptions.RestartLimit,
        backoff: MultiProcessServerOptions.RestartBackoff
    ) {
        self.target = target
        self.limit = limit
        self.backoff = backoff
        tally = RestartTally(limit)
        freeRows = (0..<Self.rowCount(maximumWorkers: maximumWorkers)).reversed()
    }

    // MARK: What is asked

    /// Whether each place has a process that accepts, and nobody else is there but who leaves.
    var isComplete: Bool {
        (0..<target).allSatisfy { place in members.values.contains { $0.place == place && $0.phase.isReady } }
            && members.values.allSatisfy { $0.place < target || $0.phase.isLeaving }
    }

    /// Whether there was a moment when nobody was left who is older than `version`, and each place was filled. What happens
    /// later does not change that.
    func hasRolled(to version: Int) -> Bool { rolledVersion >= version }

    /// Whether all are to go and nobody is to come.
    var isEnding: Bool { isClosing || failure != nil }

    /// Whether the server is over and its last process gone.
    var isEmpty: Bool { isEnding && members.isEmpty }

    // MARK: What happens

    mutating func open() -> [Step] { settle() }

    mutating func close() -> [Step] {
        isClosing = true
        return settle()
    }

    mutating func scale(to count: Int) -> [Step] {
        guard count != target else { return [] }
        target = count
        return [.tell(.scaled(to: count)), .assignQueues(nil)] + settle()
    }

    /// - Returns: also the version to wait for.
    mutating func roll() -> (version: Int, steps: [Step]) {
        version += 1
        let isNew = !isRolling
        isRolling = true
        // Who has not begun yet begins now, with what there is now: nobody waits for what was.
        for id in members.keys where isWaiting(id) {
            members[id]!.isWaiting = false
            members[id]!.version = version
        }
        return (version, (isNew ? [.tell(.rollingRestartBegan)] : []) + settle())
    }

    /// Whether a process is not to be begun yet.
    func isWaiting(_ id: ID) -> Bool {
        guard let member = members[id], case .starting = member.phase else { return false }
        return member.isWaiting
    }

    /// A process is being started.
    ///
    /// - Returns: whether it is needed; false when it is to leave before it was there.
    mutating func begin(_ id: ID) -> Bool {
        guard let member = members[id], !member.phase.isLeaving else { return false }
        members[id]!.isWaiting = false
        return true
    }

    /// A process runs.
    mutating func started(_ id: ID, processID: Int32) { members[id]?.processID = processID }

    mutating func ready(_ id: ID, at now: ContinuousClock.Instant) -> [Step] {
        guard let member = members[id], case .starting = member.phase else { return [] }
        members[id]!.phase = .ready(since: now)
        hasEverBeenReady = true
        return [.tell(.workerReady(place: member.place, processID: member.processID))] + settle()
    }

    /// A process wants to be replaced.
    ///
    /// - Parameter fault: what is wrong with it; nil when it serves well. A fault counts as a death does.
    mutating func replace(_ id: ID, fault: IPCError? = nil, at now: ContinuousClock.Instant) -> [Step] {
        guard let member = members[id], !member.phase.isLeaving, !member.wantsReplacement else { return [] }
        members[id]!.wantsReplacement = true
        // It has spoken, so it runs.
        members[id]!.isWaiting = false
        countDeath(member, at: now)
        var steps: [Step] = []
        if let fault, !tally.permits(at: now) { fail(limitError(fault), &steps) }
        return steps + settle()
    }

    /// A process that was to leave is gone, or was never started.
    mutating func left(_ id: ID, telling event: ServerEvent?) -> [Step] {
        guard remove(id) != nil else { return [] }
        return (event.map { [.tell($0)] } ?? []) + settle()
    }

    /// A process is gone that was needed.
    mutating func died(_ id: ID, _ death: Death, at now: ContinuousClock.Instant) -> [Step] {
        guard let member = remove(id) else { return [] }
        var steps: [Step] = [.tell(death.event)]
        if member.isSuccessor, !member.phase.isReady, let served = server(of: member.place) {
            // One that was begun before the roll says nothing of what comes.
            if member.version == version { steps += giveUpRolling(death.error) }
            if served.wantsReplacement {
                countDeath(member, at: now)
                if !tally.permits(at: now) { fail(limitError(death.error), &steps) }
            }
            return steps + settle()
        }
        crashRestarts += 1
        restarts[member.place, default: 0] += 1
        countDeath(member, at: now)
        if death.couldNotRun && !hasEverBeenReady {
            fail(death.error, &steps)
        } else if !tally.permits(at: now) {
            fail(limitError(death.error), &steps)
        }
        return steps + settle()
    }

    /// Who accepts at a place.
    private func server(of place: Int) -> Member? {
        members.values.first { $0.place == place && $0.phase.isReady }
    }

    private mutating func remove(_ id: ID) -> Member? {
        guard let member = members.removeValue(forKey: id) else { return nil }
        freeRows.append(member.row)
        return member
    }

    private mutating func countDeath(_ member: Member, at now: ContinuousClock.Instant) {
        if case .ready(let since) = member.phase, now - since >= backoff.maximum { deaths[member.place] = 0 }
        deaths[member.place, default: 0] += 1
    }

    /// A new version does not come up: who serves goes on.
    private mutating func giveUpRolling(_ error: IPCError) -> [Step] {
        guard isRolling else { return [] }
        isRolling = false
        lastFailedRoll = (version, error)
        for id in members.keys { members[id]!.version = version }
        return [.tell(.rollingRestartFailed(error))]
    }

    private mutating func fail(_ error: IPCError, _ steps: inout [Step]) {
        failure = error
        steps.append(.tell(.failed(error)))
    }

    private func limitError(_ last: IPCError) -> IPCError {
        IPCError(
            .restartLimitReached,
            "serve: workers died more than \(limit.count) times in \(limit.interval), so they are not replaced any more; "
                + "find out why they die, or raise restartLimit. The last time: \(last.message)",
            object: last.object, detail: last.detail)
    }

    // MARK: What follows

    private mutating func settle() -> [Step] {
        var steps: [Step] = []
        guard !isEnding else {
            for id in members.keys.sorted() { leave(id, &steps) }
            return steps
        }
        for (id, member) in members.sorted(by: { $0.key < $1.key }) where member.place >= target { leave(id, &steps) }
        var outdated: [(place: Int, delay: Duration)] = []
        for place in 0..<target {
            // Whoever came before one that serves goes, also where that one wants to be replaced as well: two are enough.
            let serving = members.filter {
                $0.value.place == place && $0.value.version == version && $0.value.phase.isReady
            }
            if let last = serving.keys.max() {
                for (id, member) in members where member.place == place && id < last { leave(id, &steps) }
            }
            let living = members.filter { $0.value.place == place && !$0.value.phase.isLeaving }
            let delay = backoff.delay(afterDeaths: deaths[place] ?? 0)
            if let current = living.first(where: { $0.value.version == version && !$0.value.wantsReplacement }) {
                guard current.value.phase.isReady else { continue }
                for id in living.keys.sorted() where id != current.key { leave(id, &steps) }
            } else if living.isEmpty {
                start(place, isSuccessor: false, delay: delay, &steps)
            } else {
                // Who asked for a rolling restart is not kept waiting for what a worker does. Where one serves that is to be
                // replaced there is no second try.
                let isRolled = living.values.contains { $0.phase.isReady && $0.version < version }
                outdated.append((place, isRolled ? .zero : delay))
            }
        }
        var isBusy = members.contains { id, member in
            if case .starting = member.phase { member.isSuccessor && !isWaiting(id) } else { false }
        }
        for next in outdated where !isBusy {
            start(next.place, isSuccessor: true, delay: next.delay, &steps)
            // One that waits holds up no other place.
            isBusy = next.delay == .zero
        }
        if isRolling, isComplete, members.values.allSatisfy({ $0.version >= version }) {
            isRolling = false
            rolledVersion = version
            steps.append(.tell(.rollingRestartEnded))
        }
        return steps
    }

    private mutating func start(_ place: Int, isSuccessor: Bool, delay: Duration, _ steps: inout [Step]) {
        // When there is none, many are leaving; the next that is gone makes room.
        guard let row = freeRows.popLast() else { return }
        lastID += 1
        members[lastID] = Member(
            place: place, row: row, version: version, isSuccessor: isSuccessor, isWaiting: delay > .zero)
        steps.append(.start(lastID, place: place, row: row, delay: delay))
    }

    private mutating func leave(_ id: ID, _ steps: inout [Step]) {
        guard let member = members[id], !member.phase.isLeaving else { return }
        members[id]!.phase = .leaving
        steps.append(.leave(id))
    }
}
