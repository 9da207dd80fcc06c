import IPCCore
import IPCSystem
import Synchronization

/// A pipe that the handler writes to, and those who read it: one task of the library for all of the process's life, and
/// whoever looks for a signal before it sleeps.
final class SignalLane: Sendable {
    /// What is asked for, in bytes: as much as an ordinary user may have. pipe(7), pipe-max-size.
    private static let wantedByteCount = 1 << 20

    /// How many records have room.
    let capacity: Int
    private let stream: StreamDescriptor
    let readers = TaskLock()
    private let records = RecordBuffer(capacity: 512)
    let deliver: @Sendable (SignalRecord) -> Void
    private let noticeLoss: @Sendable () -> Void
    let lane: SignalCalls.Lane
    /// Behind `readers`.
    private let knownLosses = Atomic<UInt64>(0)
    /// Records that were read. Behind `readers`.
    let readCount = Atomic<UInt64>(0)

    /// Makes the pipe, which stays for the life of the process: a handler may be writing to it at any time.
    ///
    /// `deliver` gets each record, under the lock that keeps their order: it must be short. `noticeLoss` is called when
    /// records of whatever signal have found the pipe full.
    init(
        _ lane: SignalCalls.Lane, deliver: @escaping @Sendable (SignalRecord) -> Void,
        noticeLoss: @escaping @Sendable () -> Void = {}
    ) throws(IPCError) {
        self.lane = lane
        self.noticeLoss = noticeLoss
        let ends = try mapping("receive signals") { () throws(SystemCallError) in try DescriptorCalls.makePipe() }
        // Less than asked for where the user's pipes use up their budget: then less fits.
        let granted = try? DescriptorCalls.setPipeCapacity(ends.writing, Self.wantedByteCount)
        let byteCount = granted ?? (try? DescriptorCalls.pipeCapacity(ends.writing)) ?? 4096
        capacity = byteCount / MemoryLayout<SignalRecord>.stride
        self.deliver = deliver
        do throws(IPCError) {
            stream = try StreamDescriptor(OwnedDescriptor(owning: ends.reading), kind: .pipe, uses: 1)
        } catch {
            closeDescriptor(ends.writing)
            throw error
        }
        SignalCalls.setPipe(lane, ends.writing)
        Task(executorPreference: IPCExecutor.shared) { await self.run() }
    }

    /// Delivers what is there, unless somebody else is doing that at this moment.
    func poll() {
        guard readers.tryAcquire() else { return }
        drain()
        _ = readers.release()
    }

    /// The task that reads whatever nobody else has read. It ends with the process.
    private func run() async {
        while !Task.isCancelled {
            do throws(IPCError) {
                try await stream.registration.waitReadable(until: .never, "receive signals")
                // In line, not tried: what is written after the last read of whoever reads now is this task's.
                try await readers.acquire(until: .never, "receive signals")
            } catch {
                // The kernel had no memory for the poller's entry: look again soon.
                try? await Task.sleep(for: .milliseconds(10))
                poll()
                continue
            }
            drain()
            _ = readers.release()
        }
    }

    private func lookForLosses() {
        let losses = SignalCalls.lostCount(of: lane)
        guard losses != knownLosses.load(ordering: .relaxed) else { return }
        knownLosses.store(losses, ordering: .relaxed)
        noticeLoss()
    }

    /// Behind `readers`.
    func drain() {
        var isMore = true
        while isMore {
            let count = unsafe ((try? SignalCalls.read(stream.number, into: records.pointer)) ?? nil) ?? 0
            for index in 0..<count where unsafe !records.pointer[index].isLossMark {
                unsafe deliver(records.pointer[index])
            }
            if count > 0 {
                readCount.store(readCount.load(ordering: .relaxed) &+ UInt64(count), ordering: .relaxed)
                lookForLosses()
            }
            // A read that does not fill its room has taken all there was.
            isMore = unsafe count == records.pointer.count
        }
    }
}

/// Room for records, behind the lock of those who read.
@safe
private final class RecordBuffer: @unchecked Sendable {
    // SAFETY: whoever has the lane's lock is the only user.
    let pointer: UnsafeMutableBufferPointer<SignalRecord>

    init(capacity: Int) {
        unsafe pointer = .allocate(capacity: capacity)
        unsafe pointer.initialize(repeating: SignalRecord())
    }

    deinit { unsafe pointer.deallocate() }
}
