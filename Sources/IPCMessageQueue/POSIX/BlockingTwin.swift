import IPCCore
import IPCSystem

/// The same queue, opened a second time for calls that block: whether a call blocks is a matter of how the queue was opened.
/// Made with the first such call.
final class BlockingTwin: Sendable {
    private struct State: ~Copyable {
        var descriptor: OwnedDescriptor?
    }

    private let state = Lock(State(descriptor: nil))

    /// Its number, which stays open until `close`. `number` is open.
    func number(of number: Int32, _ access: QueueAccess, _ name: String) throws(IPCError) -> Int32 {
        try state.withLock { state throws(IPCError) in
            if let known = state.descriptor?.number { return known }
            let flags: FileCalls.Flags =
                switch access {
                case .sendAndReceive: .readWrite
                case .send: .writeOnly
                case .receive: .readOnly
                }
            // By the open queue and not by its name, which may be another queue's by now.
            let made = try mapping("open a POSIX queue for calls that block, which needs /proc", object: name) {
                () throws(SystemCallError) in
                try FileCalls.open("/proc/self/fd/\(number)", flags)
            }
            let new = made.number
            state.descriptor = consume made
            return new
        }
    }

    /// Closes it. Nobody uses it any more.
    func close() { state.withLock { $0.descriptor = nil } }
}
