import IPCCore
import IPCSystem

/// The channels of this process, by their numbers, and the pipe that they share.
final class ChannelTable: Sendable {
    static let shared = ChannelTable()

    /// Of so many places in the pipe one is left free: batches do not fill its pages to the end.
    private static let spare = 8

    /// How many frames beside its messages a channel may have in the pipe: a hello and its repetitions, credits, finish, close.
    private static let framesBeside = 6

    private struct Entry {
        weak let channel: SignalChannel?
        let signal: Signal
    }

    private struct State {
        var lane: SignalLane?
        var queue: SignalQueue?
        var channels: [UInt32: Entry] = [:]
        /// Frames that have a place in the pipe for certain.
        var reserved = 0
        var lost: [Int32: UInt64] = [:]
    }

    private let state = Lock(State())

    /// The pipe with room for the frames of one more channel of `capacity` messages, given back by `remove`; and the
    /// kernel's queue of their signals.
    ///
    /// - Throws: `.resourceExhausted` without room or descriptors; as `SignalHub.claimForChannels`.
    func reserve(_ capacity: UInt32, on signal: Signal) throws(IPCError) -> (SignalLane, SignalQueue) {
        let found = try state.withLock { state throws(IPCError) -> (SignalLane, SignalQueue) in
            if state.lane == nil {
                state.lane = try SignalLane(
                    .channels, deliver: { [unowned self] in self.deliver($0) },
                    noticeLoss: { [unowned self] in self.noticeLoss() })
            }
            if state.queue == nil, let lane = state.lane { state.queue = SignalQueue(lane) }
            let needed = state.reserved + Int(capacity) + Self.framesBeside
            guard let lane = state.lane, let queue = state.queue, needed <= lane.capacity - lane.capacity / Self.spare
            else {
                throw IPCError(
                    .resourceExhausted,
                    "make a signal channel: those of this process take all the room of their pipe; close some, or "
                        + "give them a smaller capacity", object: signal.name)
            }
            state.reserved = needed
            return (lane, queue)
        }
        do throws(IPCError) {
            try SignalHub.shared.claimForChannels(signal)
        } catch {
            release(capacity)
            throw error
        }
        return found
    }

    private func release(_ capacity: UInt32) {
        state.withLock { $0.reserved -= Int(capacity) + Self.framesBeside }
    }

    /// A number that nobody can guess and no channel has.
    func add(_ channel: SignalChannel) -> UInt32 {
        state.withLock { state in
            var number = UInt32.random(in: 1 ... .max)
            while state.channels[number] != nil { number = UInt32.random(in: 1 ... .max) }
            // What was lost before is not this channel's.
            let signal = channel.signal
            if !state.channels.values.contains(where: { $0.signal == signal }) {
                state.lost[signal.rawValue] = SignalCalls.lostCount(signal.rawValue)
            }
            state.channels[number] = Entry(channel: channel, signal: signal)
            return number
        }
    }

    func channel(_ number: UInt32) -> SignalChannel? { state.withLock { $0.channels[number]?.channel } }

    /// The channel gets nothing any more.
    func remove(_ number: UInt32, capacity: UInt32) {
        state.withLock { state in
            guard state.channels.removeValue(forKey: number) != nil else { return }
            state.reserved -= Int(capacity) + Self.framesBeside
        }
    }

    private func deliver(_ record: SignalRecord) {
        // sigqueue(3) leaves what it does not know at 0, which is nobody's number.
        guard record.code == -1, let frame = SignalFrame(record.value) else { return }
        guard let channel = channel(UInt32(bitPattern: record.number)) else {
            if frame.kind == .hello { refuse(record, frame) }
            return
        }
        channel.accept(frame, from: record)
    }

    /// When frames found the pipe full, which takes a flood by others, nobody knows whose they were: all channels of their
    /// signal are told.
    private func noticeLoss() {
        // No channel may be released under the lock, for the last one to go takes it: all leave the closure.
        let channels = state.withLock { $0.channels.values.compactMap(\.channel) }
        let signals = Set(channels.map(\.signal.rawValue))
        let struck = state.withLock { state in
            signals.filter { signal in
                let count = SignalCalls.lostCount(signal)
                defer { state.lost[signal] = count }
                return count != state.lost[signal] ?? 0
            }
        }
        for channel in channels where struck.contains(channel.signal.rawValue) { channel.lose() }
    }

    /// Whoever comes too late is told that nobody is there.
    private func refuse(_ record: SignalRecord, _ frame: SignalFrame) {
        // The sender says who it is: no signal goes to a process that it would end. The pidfd first, or another process
        // might have the number by then.
        guard let pidfd = try? SignalSending.open(process: record.process),
            let facts = try? SignalSending.facts(of: record.process), facts.catches(record.signal)
        else { return }
        try? SignalSending.queue(
            pidfd: pidfd.number, record.signal, number: Int32(bitPattern: frame.value),
            value: SignalFrame(.close).bits)
    }
}
