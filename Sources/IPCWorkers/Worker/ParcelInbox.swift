import IPCSockets
import IPCSystem
import Synchronization

/// The parcels of requests or answers, as they come on their own socket: in the order of the frames that speak of them.
final class ParcelInbox: Sendable {
    private let channel: SocketChannel
    /// Parcels that nobody will take, by the numbers of their tasks.
    private let unwanted = Lock<[UInt64: Int]>([:])

    init(_ channel: SocketChannel) {
        self.channel = channel
    }

    /// The parcel of a task, which has been sent already. One caller at a time.
    func take(_ id: UInt64, until deadline: Deadline = .never) async throws(IPCError) -> Parcel {
        while true {
            guard let message = try await channel.descriptorMessages.receive(until: deadline) else {
                throw CallWire.violation("no parcel for task \(id)")
            }
            let parcel = try Parcel(message)
            if try isWanted(parcel, for: id) { return parcel }
        }
    }

    /// Everything that is there, by the numbers of the tasks, after the death of the other side.
    func takeAll() -> [UInt64: Parcel] {
        var found: [UInt64: Parcel] = [:]
        while case .message(let message)? = try? channel.descriptorMessages.tryReceive() {
            if let parcel = try? Parcel(message) { found[parcel.id] = parcel }
        }
        return found
    }

    /// Nobody will take the parcel of this task: it is dropped when it comes by.
    func forget(_ id: UInt64) { unwanted.withLock { $0[id, default: 0] += 1 } }

    private func isWanted(_ parcel: Parcel, for id: UInt64) throws(IPCError) -> Bool {
        let isForgotten = unwanted.withLock { unwanted in
            guard let count = unwanted[parcel.id] else { return false }
            unwanted[parcel.id] = count > 1 ? count - 1 : nil
            return true
        }
        if isForgotten { return false }
        guard parcel.id == id else { throw CallWire.violation("a parcel of task \(parcel.id) instead of \(id)") }
        return true
    }
}
