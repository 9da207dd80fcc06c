import IPCCore
import IPCSystem
import Synchronization

/// That one handle owns an arena: a claim on a byte far behind the end of its file, which the kernel drops when the
/// process is gone.
///
/// It has an open file of its own: one that was passed on shares its claims with the other process.
final class ArenaClaim: Sendable {
    /// Behind everything that a region can have.
    private static let byte: UInt64 = 1 << 40

    private let file: RegionDescriptor
    private let isHeld = Atomic<Bool>(true)

    /// - Throws: `.busy` while somebody has it; `.permissionDenied` for a region that was opened for reading;
    ///   `.unsupported` for a System V segment.
    init(_ region: SharedMemory) throws(IPCError) {
        let (doing, object) = ("claim an arena", region.place.description)
        guard region.access == .readWrite else {
            throw IPCError(
                .permissionDenied, "\(doing): it was opened for reading alone; open it for reading and writing",
                object: object)
        }
        guard let number = region.file?.number else {
            throw IPCError(
                .unsupported, "\(doing): a System V segment has no file to claim; take a named region",
                object: object)
        }
        let file = try mapping(doing, object: object) { () throws(SystemCallError) in
            RegionDescriptor(try FileCalls.open(CheckedFile.inodePath(number), .readWrite))
        }
        self.file = file
        let isTaken = try mapping(doing, object: object) { () throws(SystemCallError) in
            try ClaimCalls.tryTake(file.number, byte: Self.byte)
        }
        guard isTaken else {
            let process = region.payload.word32(ArenaLayout.ownerProcessOffset).loadRelaxed()
            throw IPCError(
                .busy, "\(doing): it has an owner, process \(process) as it says; there can be one at a time",
                object: object)
        }
    }

    /// Gives the claim back. Idempotent.
    func drop() {
        guard isHeld.exchange(false, ordering: .acquiringAndReleasing) else { return }
        // It cannot fail for a lock that is held; and if it did, closing the file drops it.
        try? ClaimCalls.drop(file.number, byte: Self.byte)
    }
}
