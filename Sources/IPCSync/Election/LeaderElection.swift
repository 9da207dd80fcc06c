public import IPCCore
import IPCSystem

/// One process of several leads, until it resigns or dies; then another one does.
///
/// ```swift
/// let leadership = try await election.campaign()
/// log("leader of term \(leadership.term)")
/// try await leadership.waitUntilLost()          // somebody asks for it, or this process was given up
/// leadership.resign()
/// ```
///
/// - **Terms** grow with each leader and never repeat: give ``Leadership/term`` along with what a leader writes elsewhere,
///   so that what a former leader still had on the way can be refused.
/// - **Losing it**: leadership ends by ``Leadership/resign()``, by the end of the value, and by death. A leader cannot be
///   removed while it lives, but asked: ``requestResignation()``.
/// - **Deaths**: the next candidate leads within milliseconds. A candidate that dies is not missed.
public final class LeaderElection: SyncObject {
    /// What listings call it.
    public static var objectKinds: Set<SyncObjectKind> { [.election] }
    /// The region that it lies in.
    public let region: SyncRegion
    static let type = SyncObjectType(kind: SyncObjectKind.election.rawValue, name: "an election", byteCount: 64)
    static let termsOffset = LockLayout.byteCount + 8

    let lock: LockWord
    let sleeping: SyncSleep
    /// Counts requests to resign.
    let requests: SharedWord32
    private let terms: SharedWord64

    init(_ bytes: SharedBytes, _ region: SyncRegion) {
        self.region = region
        lock = LockWord(bytes, region.participant)
        sleeping = SyncSleep(region: region)
        requests = bytes.word32(LockLayout.byteCount)
        terms = bytes.word64(Self.termsOffset)
    }

    /// Who leads; nil when nobody does. It may be over by now.
    public var leader: LockHolder? { lock.holder }

    /// The number of the last term that has begun; 0 before the first.
    public var term: UInt64 { terms.loadAcquiring() }

    /// Waits until this process leads. While another task of it leads, it waits as anybody: for its resignation.
    ///
    /// - Throws: `.cancelled`, `.timedOut`, `.participantLost`, `.resourceExhausted`; `.busy` when the leadership that goes
    ///   on was won by this very task through this handle.
    public func campaign(until deadline: Deadline = .never) async throws(IPCError) -> Leadership {
        _ = try await lock.lock(until: deadline, "campaign for leadership")
        return begin(CallerMark.task)
    }

    /// Leads if nobody does; nil when somebody does. Never waits. - Throws: `.participantLost`.
    public func tryCampaign() throws(IPCError) -> Leadership? {
        try lock.tryLock("campaign for leadership") == nil ? nil : begin(0)
    }

    /// The same as ``campaign(until:)`` on a thread that may block: never in a task.
    ///
    /// - Throws: `.timedOut`, `.participantLost`.
    public func campaignBlocking(until deadline: Deadline = .never) throws(IPCError) -> Leadership {
        _ = try lock.lockBlocking(until: deadline, "campaign for leadership")
        return begin(0)
    }

    /// Asks the leader to resign: its ``Leadership/waitUntilLost(until:)`` returns. Whether it does is its decision.
    public func requestResignation() {
        requests.add(1)
        SharedFutexCalls.wake(requests)
    }

    /// With the lock. A leader that is killed before its term has a number has done nothing in it.
    private func begin(_ mark: UInt) -> Leadership {
        lock.local.holder.set(mark)
        let seen = requests.loadSequential()
        let term = terms.loadRelaxed() + 1
        terms.storeReleasing(term)
        return Leadership(self, term, requestsSeen: seen)
    }

    /// Whether this process leads in that term, which it began: it may have lost it, and begun another one since.
    func leads(in term: UInt64) -> Bool { lock.isMine && self.term == term }

    /// Ends the term, unless it is over. Who watches for that sleeps on the requests: they change while the lock is held, so
    /// that the next leader counts its own from there.
    func end(_ term: UInt64) {
        guard leads(in: term) else { return }
        lock.local.holder.set(0)
        requests.add(1)
        KillPoints.pass("sync-election-resigns")
        lock.unlock()
        SharedFutexCalls.wake(requests)
    }
}

/// This process leads, as long as this value lives.
public struct Leadership: ~Copyable, Sendable {
    /// The number of this leadership: larger than all before.
    public let term: UInt64
    private let election: LeaderElection
    private let requestsSeen: UInt32

    init(_ election: LeaderElection, _ term: UInt64, requestsSeen: UInt32) {
        (self.election, self.term, self.requestsSeen) = (election, term, requestsSeen)
    }

    /// Whether this process still leads, as everybody sees it. False in the child of a fork.
    public var isValid: Bool { election.leads(in: term) }

    /// Whether somebody has asked for resignation since this term began.
    public var isResignationRequested: Bool { election.requests.loadAcquiring() != requestsSeen }

    /// Watches for the end of this leadership: what it returns may be used while this value is borrowed elsewhere.
    public var notice: LossNotice { LossNotice(election: election, term: term, requestsSeen: requestsSeen) }

    /// Waits until this process does not lead any more, or somebody asks it to resign.
    ///
    /// - Throws: `.cancelled`, `.timedOut`.
    public func waitUntilLost(until deadline: Deadline = .never) async throws(IPCError) {
        try await notice.wait(until: deadline)
    }

    /// The same on a thread that may block: never in a task. - Throws: `.timedOut`.
    public func waitUntilLostBlocking(until deadline: Deadline = .never) throws(IPCError) {
        try notice.waitBlocking(until: deadline)
    }

    /// Lets another one lead.
    public consuming func resign() {}

    deinit { election.end(term) }

    /// Tells when a leadership is over.
    public struct LossNotice: Sendable {
        let election: LeaderElection
        let term: UInt64
        let requestsSeen: UInt32

        private var isOver: Bool {
            election.requests.loadSequential() != requestsSeen || !election.leads(in: term)
        }

        /// Waits until the leadership is over, or somebody asks for its end. See ``Leadership/waitUntilLost(until:)``.
        public func wait(until deadline: Deadline = .never) async throws(IPCError) {
            while true {
                let deaths = election.sleeping.deathCount
                if isOver { return }
                do throws(IPCError) {
                    try await election.sleeping.sleep(
                        on: election.requests, while: requestsSeen, deaths, until: deadline,
                        "wait for the end of a term")
                } catch {
                    if error.code == .participantLost { return }
                    throw error
                }
            }
        }

        /// The same on a thread that may block: never in a task. - Throws: `.timedOut`.
        public func waitBlocking(until deadline: Deadline = .never) throws(IPCError) {
            while true {
                let deaths = election.sleeping.deathCount
                if isOver { return }
                do throws(IPCError) {
                    try election.sleeping.sleepBlocking(
                        on: election.requests, while: requestsSeen, deaths, until: deadline,
                        "wait for the end of a term")
                } catch {
                    if error.code == .participantLost { return }
                    throw error
                }
            }
        }
    }
}

extension SyncRegion {
    /// An election in this region.
    ///
    /// - Throws: `.typeMismatch` when the name stands for something else; `.notFound`, `.alreadyExists`,
    ///   `.resourceExhausted`, `.invalidName`.
    public func election(_ name: String, _ intent: CreationIntent = .openOrCreate) throws(IPCError) -> LeaderElection {
        LeaderElection(try object(name, LeaderElection.type, intent) { _ in }, self)
    }
}
