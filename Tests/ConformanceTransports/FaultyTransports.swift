import IPCSockets
import IPCSystem
public import IPCTestKit
import Synchronization

extension ConformanceTransport {
    /// An in-process pair with a fault. Waits are given up soon: some faults make them endless.
    public static func faulty(_ fault: Fault?) -> ConformanceTransport {
        var transport = ConformanceTransport.inProcess()
        let guarantees = transport.guarantees
        transport.name = fault.map { "pair that \($0.rawValue)" } ?? "sound wrapper"
        if fault != nil { transport.patience = .milliseconds(500) }
        let made = Atomic<Int>(0)
        let earlier = EarlierChannel()
        transport.makePair = {
            let number = made.wrappingAdd(1, ordering: .relaxed).newValue
            if fault == .runsOut && number > 500 { throw IPCError(.resourceExhausted, "no more than 500") }
            if fault == .leaksDescriptors { _ = try PassedDescriptor(duplicating: 0).take() }
            var promised = guarantees
            if fault == .promisesMoreThanItsEnds { promised.maximumMessageSize += 1 }
            let (near, far) = InProcessChannel.makePair(
                capacity: fault == .isUnbounded ? 1_000_000 : 16,
                maximumMessageSize: guarantees.maximumMessageSize + (fault == .acceptsTooLarge ? 1 : 0))
            let onClose: @Sendable () -> Void = { if fault == .closesOthers { earlier.close() } }
            earlier.keepFirst(near)
            return ConformancePair(
                FaultyChannel(near, fault, promised, onClose: onClose),
                FaultyChannel(far, fault, promised, onClose: onClose))
        }
        return transport
    }
}

extension ConformanceTransport {
    /// A socket whose near end has a fault. The peer program knows it by the name of the sound one.
    public static func faultySocket(_ fault: Fault) -> ConformanceTransport {
        var transport = ConformanceTransport.socketPair
        transport.patience = .seconds(2)
        if let sound = transport.wire {
            transport.wire?.makeRawPair = {
                let raw = try await sound.makeRawPair()
                return ConformanceWire.RawPair(end: wrap(raw.end, fault), write: raw.write, die: raw.die)
            }
        }
        if let sound = transport.remote {
            transport.remote?.makeEnd = { direction in
                let (end, endpoint) = try await sound.makeEnd(direction)
                return (wrap(end, fault), endpoint)
            }
        }
        return transport
    }

    private static func wrap(_ ends: ConformanceEnds, _ fault: Fault) -> ConformanceEnds {
        guard let socket = ends.sender as? SocketChannel else { return ends }
        return ConformanceEnds(FaultyChannel(socket, fault, socket.guarantees, onClose: {}))
    }
}

/// A channel that a fault takes down with others.
private final class EarlierChannel: Sendable {
    private let channel = Lock<InProcessChannel?>(nil)

    func keepFirst(_ new: InProcessChannel) {
        channel.withLock { $0 = $0 ?? new }
    }

    func close() {
        channel.withLock {
            $0?.close()
            $0 = nil
        }
    }
}
