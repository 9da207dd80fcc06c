import IPCCore
import IPCSystem
import Synchronization

/// That one handle is the only writer of a region, or the owner of an arena: a claim on a byte far behind its end, which
/// the kernel drops when the writer's process is gone. Readers ask the kernel whether there is a writer.
///
/// The maker of a named region claims it before it has its name (``SharedMemoryOptions/isClaimedByMaker``), so that nobody
/// finds it without its writer. The claim belongs to the open file, so the handle that is made then takes it once more.
///
/// Whoever may read the region's file can keep writers out (`.busy`) with a read lock on that byte, but cannot pass for one.
final class WriterClaim: Sendable {
    /// Behind everything that a region can have.
    private static let byte: UInt64 = 1 << 40

    private let file: RegionDescriptor
    private let isHeld = Atomic<Bool>(true)

    /// Claims `region`, which must have a file that is open for writing.
    ///
    /// - Parameters:
    ///   - opensAnew: on an open file of its own, for a region that may be passed on to another writer: an open file that
    ///     was passed on shares its claims with the other process.
    ///   - busy: what an error says when somebody has it.
    /// - Throws: `.busy` while somebody else writes; `.unsupported` for a System V segment.
    init(
        _ region: SharedMemory, _ doing: StaticString, opensAnew: Bool = false,
        busy: @autoclosure () -> String = "it has a writer; there can be one at a time"
    ) throws(IPCError) {
        var file = try Self.file(of: region, doing)
        if opensAnew {
            let number = file.number
            file = try mapping("\(doing)", object: region.place.description) { () throws(SystemCallError) in
                RegionDescriptor(try FileCalls.open(CheckedFile.inodePath(number), .readWrite))
            }
        }
        self.file = file
        try Self.take(file.number, doing, region.place.description, busy: busy())
    }

    /// Claims an open file, for as long as it is open.
    ///
    /// - Throws: `.busy` while another open file has the claim.
    static func take(
        _ number: Int32, _ doing: StaticString, _ object: String,
        busy: @autoclosure () -> String = "it has a writer; there can be one at a time"
    ) throws(IPCError) {
        let isTaken = try mapping("\(doing)", object: object) { () throws(SystemCallError) in
            try ClaimCalls.tryTake(number, byte: byte)
        }
        guard isTaken else { throw IPCError(.busy, "\(doing): \(busy())", object: object) }
    }

    /// Whether somebody writes to `region`, through another open file than that of `region`, or than `other`.
    static func exists(
        _ region: SharedMemory, asSeenBy other: RegionDescriptor? = nil, _ doing: StaticString
    ) throws(IPCError) -> Bool {
        var file = other
        if file == nil { file = try Self.file(of: region, doing) }
        guard let file else { return false }
        return try mapping("\(doing)", object: region.place.description) { () throws(SystemCallError) in
            try ClaimCalls.isTaken(file.number, byte: Self.byte)
        }
    }

    private static func file(of region: SharedMemory, _ doing: StaticString) throws(IPCError) -> RegionDescriptor {
        guard let file = region.file else {
            throw IPCError(
                .unsupported, "\(doing): a System V segment has no file to claim; take a named region",
                object: region.place.description)
        }
        return file
    }

    /// Gives the claim back. Idempotent.
    ///
    /// - Returns: whether it was held until now.
    @discardableResult
    func drop() -> Bool {
        guard isHeld.exchange(false, ordering: .acquiringAndReleasing) else { return false }
        // It cannot fail for a lock that is held; and if it did, closing the file drops it.
        try? ClaimCalls.drop(file.number, byte: Self.byte)
        return true
    }

    deinit { drop() }
}

/// Waits for something that reports nothing when it changes: looks again, less often the longer it takes.
struct LookingPace {
    private var next = Duration.milliseconds(1)
    private let point = WaitEngine.shared.makeWaitPoint()

    /// - Throws: `.timedOut` when `deadline` has passed, `.cancelled`.
    mutating func pause(until deadline: Deadline, _ doing: StaticString) async throws(IPCError) {
        let due = Deadline.after(next)
        next = min(next * 2, .milliseconds(20))
        do throws(IPCError) {
            try await point.wait(until: min(due, deadline), doing)
        } catch {
            guard error.code == .timedOut, !deadline.hasPassed else { throw error }
        }
    }
}
