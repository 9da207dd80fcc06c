import IPCSockets
import IPCSystem
import Synchronization

/// What leads to one worker process: its channel, its socket for parcels, and what waits to be sent.
final class WorkerConnection: Sendable {
    let process: WorkerProcess
    let incarnation: Int
    /// Where the one waits who sends what could not be sent at once.
    let writer = Doorbell()
    private let backlog = Lock<[Parcel]>([])
    private let hasToLeave = Atomic<Bool>(false)

    init(_ process: WorkerProcess, incarnation: Int) {
        self.process = process
        self.incarnation = incarnation
    }

    /// The parcels that go before the message that was left for the writer.
    func takeBacklog() -> [Parcel] {
        backlog.withLock { backlog in
            defer { backlog = [] }
            return backlog
        }
    }

    /// - Returns: false when there is no room now: it is left to the writer then.
    func trySend(_ parcels: [Parcel], _ packet: [UInt8]) throws(IPCError) -> Bool {
        for (index, parcel) in parcels.enumerated() {
            guard try parcel.trySend(through: process.parcelChannel) else {
                backlog.withLock { $0 = Array(parcels[index...]) }
                writer.leave(packet)
                return false
            }
        }
        guard try process.channel.trySend(packet) else {
            writer.leave(packet)
            return false
        }
        return true
    }

    func send(_ parcels: [Parcel], _ packet: [UInt8]) async throws(IPCError) {
        for parcel in parcels { try await parcel.send(through: process.parcelChannel) }
        try await process.channel.send(packet)
    }

    /// What has to be sent cannot be: the process is of no use.
    func giveUp() { _ = try? process.child.sendToTree(.kill) }

    /// The worker has finished its last task.
    func leave() {
        hasToLeave.store(true, ordering: .releasing)
        writer.ring()
    }

    var isLeaving: Bool { hasToLeave.load(ordering: .acquiring) }

    /// Tells the worker that there is no more, and kills it if it does not go.
    func seeOut(grace: Duration) async {
        try? await process.channel.finish(until: .after(grace))
        do throws(IPCError) {
            try await process.child.waitForEnd(until: .after(grace))
        } catch {
            giveUp()
        }
    }
}
