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
    }

    private struct State {
        var lane: SignalLane?
        var channels: [UInt32: Entry] = [:]
        /// Frames that have a place in the pipe for certain.
        var reserved = 0
        var lost: [Int32: UInt64] = [:]
    }

    private let state = Lock(State())

    /// The pipe with room for the frames of one more channel of `capacity` messages. Given back by `remove`.
    ///
    /// - Throws: `.resourceExhausted` without room or descriptors; as `SignalHub.claimForChannels`.
    func reserve(_ capacity: UInt32, on signal: Signal) throws(IPCError) -> SignalLane {
        let lane = try state.withLock { state throws(IPCError) -> SignalLane in
            if state.lane == nil {
                state.lane = try SignalLane(.channels) { [unowned self] in self.deliver($0) }
            }
            let needed = state.reserved + Int(capacity) + Self.framesBeside
            guard let lane = state.lane, needed <= lane.capacity - lane.capacity / Self.spare else {
                throw IPCError(
                    .resourceExhausted,
                    "make a signal channel: those of this process take all the room of their pipe; close some, or "
                        + "give them a smaller capacity", object: signal.name)
            }
            state.reserved = needed
            return lane
        }
        do throws(IPCError) {
            try SignalHub.shared.claimForChannels(signal)
        } catch {
            release(capacity)
            throw error
        }
        return lane
    }

    private func release(_ capacity: UInt32) {
        state.withLock { $0.reserved -= Int(capacity) + Self.framesBeside }
    }

    /// A number that nobody can guess and no channel has.
    func add(_ channel: SignalChannel) -> UInt32 {
        state.withLock { state in
            var number = UInt32.random(in: 1 ... .max)
            while state.channels[number] != nil { number = UInt32.random(in: 1 ... .max) }
            state.channels[number] = Entry(channel: channel)
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
        // No channel may be released under the lock, for the last one to go takes it: all leave the closure.
        let (channel, bystanders) = state.withLock { state -> (SignalChannel?, [SignalChannel]) in
            (state.channels[UInt32(bitPattern: record.number)]?.channel, Self.lossWitnesses(record.signal, &state))
        }
        for bystander in bystanders where bystander.signal.rawValue == record.signal { bystander.lose() }
        guard let channel else {
            if frame.kind == .hello { refuse(record, frame) }
            return
        }
        channel.accept(frame, from: record)
    }

    /// When frames found the pipe full, which takes a flood by others, nobody knows whose they were.
    private static func lossWitnesses(_ signal: Int32, _ state: inout State) -> [SignalChannel] {
        let lost = SignalCalls.lostCount(signal)
        guard lost != state.lost[signal] ?? 0 else { return [] }
        state.lost[signal] = lost
        return state.channels.values.compactMap(\.channel)
    }

    /// Whoever comes too late is told that nobody is there.
    private func refuse(_ record: SignalRecord, _ frame: SignalFrame) {
        // The sender says who it is: no signal goes to a process that it would end.
        let facts = try? SignalSending.facts(of: record.process)
        guard facts?.catches(record.signal) ?? false, let pidfd = try? SignalSending.open(process: record.process)
        else { return }
        try? SignalSending.queue(
            pidfd: pidfd.number, record.signal, number: Int32(bitPattern: frame.value),
            value: SignalFrame(.close).bits)
    }
}
