import IPCCore
import IPCSystem
import Synchronization

/// The way to the other end of a channel: a process, for good, and the thread of it that takes signals best.
final class SignalRoute: Sendable {
    private static let mostThreads = 64

    let processID: Int32
    private let signal: Int32
    /// The number of the channel over there.
    private let number: Int32
    /// The pidfd; nil when the other end is in this process.
    private let process: StreamDescriptor?
    /// A pidfd of the thread, or the thread's number in this process; -1 where any thread takes the signals.
    private let thread = Atomic<Int32>(-1)
    /// The pidfds of threads that signals went to, by their numbers: open until nobody sends any more.
    private let threads = Lock<[Int32: Int32]>([:])

    /// - Throws: `.notFound` when there is no such process; `.resourceExhausted`.
    init(to processID: Int32, number: UInt32, _ signal: Signal) throws(IPCError) {
        self.processID = processID
        self.signal = signal.rawValue
        self.number = Int32(bitPattern: number)
        guard processID != ProcessFacts.processID else {
            process = nil
            return
        }
        let pidfd = try mapping("open a signal channel", object: "process \(processID)") {
            () throws(SystemCallError) in
            try SignalSending.open(process: processID)
        }
        process = try StreamDescriptor(pidfd, kind: .pipe, uses: 1)
    }

    /// From now on signals go to that thread, if the kernel can do that for certain.
    ///
    /// One thread handles them one after the other, so that they arrive in order and what a dead peer sent can be told from
    /// what is to come; and it is the thread that waits for them, so that no other has to be woken first.
    func direct(to number: Int32) {
        guard number > 0 else { return }
        guard process != nil else { return thread.store(number, ordering: .releasing) }
        if let known = threads.withLock({ $0[number] }) { return thread.store(known, ordering: .releasing) }
        // Each is a descriptor: a peer that moves about for ever stays with the last one.
        guard threads.withLock({ $0.count < Self.mostThreads }), let opened = open(number) else { return }
        threads.withLock { $0[number] = opened }
        thread.store(opened, ordering: .releasing)
    }

    /// A pidfd of that thread of the peer; nil when it has none, or the kernel none of threads.
    private func open(_ number: Int32) -> Int32? {
        guard let process, let pidfd = try? SignalSending.open(thread: number) else { return nil }
        // While the process lives, a thread of that number is its own, or it is not its thread at all.
        guard SignalSending.isThread(number, of: processID), process.beginUse() else { return nil }
        defer { process.endUse() }
        guard (try? ProcessCalls.signal(process.number, 0)) != nil,
            (try? ProcessCalls.signal(pidfd.number, 0)) != nil
        else { return nil }
        return pidfd.release()
    }

    deinit { for pidfd in threads.withLock({ Array($0.values) }) { closeDescriptor(pidfd) } }

    /// Sends a frame. ESRCH when the process is gone, EAGAIN at its user's limit of queued signals.
    func send(_ frame: SignalFrame) throws(SystemCallError) {
        let thread = thread.load(ordering: .acquiring)
        guard let process else {
            if thread < 0 {
                return try SignalSending.queue(processID, signal, number: number, value: frame.bits)
            }
            return try SignalSending.queue(processID, thread: thread, signal, number: number, value: frame.bits)
        }
        guard process.beginUse() else { throw SystemCallError(.pidfd_send_signal, Errno.noSuchProcess) }
        defer { process.endUse() }
        try SignalSending.queue(
            pidfd: thread < 0 ? process.number : thread, signal, number: number, value: frame.bits)
    }

    /// Waits until the process has ended. Returns at once where it is this one, or when the task is cancelled.
    ///
    /// - Returns: whether it has ended.
    func waitForDeath() async -> Bool {
        guard let process, process.beginUse() else { return false }
        defer { process.endUse() }
        while !Task.isCancelled {
            let readiness = try? PipeCalls.readiness(process.number, for: .readable)
            if readiness?.contains(.readable) ?? true { return true }
            do throws(IPCError) {
                try await process.registration.waitReadable(until: .never, "watch the peer of a signal channel")
            } catch {
                // Cancelled, or no memory for the poller's entry: then look again soon.
                if !error.isCancellation { try? await Task.sleep(for: .milliseconds(50)) }
            }
        }
        return false
    }

    /// Nothing more is sent.
    func end() { process?.endUse() }
}
