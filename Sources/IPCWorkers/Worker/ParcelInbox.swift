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

    /// The parcel of a task, which has been sent already, or why it cannot be opened here: for lack of memory, of
    /// descriptors. One caller at a time.
    ///
    /// - Throws: why there is none, and will be none for others either; `.cancelled` and `.timedOut`.
    func take(
        _ id: UInt64, until deadline: Deadline = .never
    ) async throws(IPCError) -> Result<Parcel, IPCError> {
        while true {
            guard let message = try await channel.descriptorMessages.receive(until: deadline) else {
                throw CallWire.violation("no parcel for task \(id)")
            }
            // Before it is opened: that one which nobody wants cannot be opened is nobody's concern.
            guard try isWanted(try Parcel.id(of: message), for: id) else { continue }
            do throws(IPCError) {
                return .success(try Parcel(message))
            } catch {
                return .failure(error)
            }
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

    private func isWanted(_ found: UInt64, for id: UInt64) throws(IPCError) -> Bool {
        let isForgotten = unwanted.withLock { unwanted in
            guard let count = unwanted[found] else { return false }
            unwanted[found] = count > 1 ? count - 1 : nil
            return true
        }
        if isForgotten { return false }
        guard found == id else { throw CallWire.violation("a parcel of task \(found) instead of \(id)") }
        return true
    }
}
