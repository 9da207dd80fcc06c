import IPCCore
import IPCSystem

/// Hints that a FIFO may have a reader by now.
///
/// inotify tells of every open that is complete. An open for reading that blocks until there is a writer is not complete,
/// and nothing tells of it: hence the timer. Where inotify is not to be had (no read permission, too many instances) the
/// timer is all there is.
struct ReaderArrival: ~Copyable {
    private static let shortest = Duration.milliseconds(1)
    private static let longest = Duration.milliseconds(40)

    private let watcher: OwnedDescriptor?
    private let number: Int32?
    private let point: Point
    private var interval = shortest

    private enum Point {
        case registration(Registration)
        case timer(WaitPoint)
    }

    init(_ path: String) throws(IPCError) {
        do throws(SystemCallError) {
            let watcher = try PipeCalls.watchOpens(of: path)
            number = watcher.number
            self.watcher = consume watcher
        } catch {
            number = nil
            watcher = nil
        }
        if let number {
            point = .registration(try WaitEngine.shared.register(number))
        } else {
            point = .timer(WaitEngine.shared.makeWaitPoint())
        }
    }

    /// Waits for a hint, at most until it is time to look again.
    ///
    /// - Throws: `.timedOut` when `deadline` passes, `.cancelled`.
    mutating func wait(until deadline: Deadline) async throws(IPCError) {
        let look = min(deadline, .after(interval))
        interval = min(interval * 2, Self.longest)
        do throws(IPCError) {
            switch point {
            case .registration(let registration):
                try await registration.waitReadable(until: look, "open a FIFO for writing")
            case .timer(let point):
                try await point.wait(until: look, "open a FIFO for writing")
            }
        } catch {
            guard error.code == .timedOut, !deadline.hasPassed else { throw error }
        }
    }

    /// Takes what was announced, so that the next announcement is news to the poller. Before looking, not after.
    func drain() {
        guard let number else { return }
        unsafe withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 8) { room in
            while let count = try? unsafe DescriptorCalls.read(number, into: room), count > 0 {}
        }
    }

    /// The registration ends before the descriptor, which goes with this value.
    deinit {
        if case .registration(let registration) = point { WaitEngine.shared.unregister(registration) }
    }
}
