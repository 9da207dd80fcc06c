import ConformanceTransports
import IPCSockets
import IPCSystem
import IPCTestKit
import Synchronization
import TestSupport
import Testing

/// The suite can fail: each way to break the contract is noticed by the case that is about it.
@Suite(.serialized, .watched) struct FaultTests {
    @Test(arguments: Fault.allCases.filter { !$0.isAboutBytes })
    func isNoticed(_ fault: Fault) async throws {
        let cases = ConformanceSuite.cases(for: .faulty(fault))
        let conformance = try #require(cases.first { $0.topic == fault.topic })
        let failure = await #expect(throws: ConformanceFailure.self) { try await conformance.run() }
        #expect(failure?.topic == fault.topic)
    }

    /// Faults at this end of a socket, with raw bytes or another process at the other end.
    @Test(arguments: [
        (Fault.deliversCutMessage, ConformanceTopic.cutFrames), (.hidesCut, .cutFrames), (.hidesLimit, .hostileInput),
        (.hidesWrongMagic, .hostileInput), (.dropsMessages, .remoteEcho), (.reorders, .remoteStream),
        (.dropsMessages, .remoteDelivery), (.deathLooksLikeFinish, .remoteDeath), (.hidesCut, .remoteCutFrames),
        (.hidesDeadPeer, .remotePeerGone),
    ])
    func isNoticedOnASocket(_ fault: Fault, _ topic: ConformanceTopic) async throws {
        let cases = ConformanceSuite.cases(for: .faultySocket(fault))
        let conformance = try #require(cases.first { $0.topic == topic })
        let failure = await #expect(throws: ConformanceFailure.self) { try await conformance.run() }
        #expect(failure?.topic == topic)
    }

    /// The same wrapper without a fault conforms, so that it is the fault that was noticed.
    @Test(arguments: ConformanceSuite.cases(for: .faulty(nil)))
    func soundWrapperConforms(_ conformance: ConformanceCase) async throws {
        try await conformance.run()
    }

    @Test func failureNamesEverything() async throws {
        let conformance = try #require(
            ConformanceSuite.cases(for: .faulty(.dropsMessages)).first { $0.topic == .order })
        let failure = await #expect(throws: ConformanceFailure.self) { try await conformance.run() }
        let text = try #require(failure?.description)
        #expect(text.contains("dropsMessages") && text.contains("order"))
        #expect(text.contains("expected message 99 of sender 0; saw message 100"))
        #expect(text.contains("[seed 24301]"))
    }

    @Test func undeclaredTopicIsNotSkippedSilently() async throws {
        var transport = ConformanceTransport.faulty(nil)
        transport.declined[.cutFrames] = nil
        let conformance = try #require(
            ConformanceSuite.cases(for: transport).first { $0.topic == .declarations })
        let failure = await #expect(throws: ConformanceFailure.self) { try await conformance.run() }
        #expect(failure?.expected.contains("cutFrames") == true)
    }

    @Test func declinedTopicThatCouldBeTestedIsNoticed() async throws {
        var transport = ConformanceTransport.faulty(nil)
        transport.declined[.order] = "too hard"
        let cases = ConformanceSuite.cases(for: transport)
        #expect(!cases.contains { $0.topic == .order })
        let conformance = try #require(cases.first { $0.topic == .declarations })
        let failure = await #expect(throws: ConformanceFailure.self) { try await conformance.run() }
        #expect(failure?.expected.contains("order") == true)
    }
}

extension ConformanceTransport {
    /// An in-process pair with a fault. Waits are given up soon: some faults make them endless.
    static func faulty(_ fault: Fault?) -> ConformanceTransport {
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
    static func faultySocket(_ fault: Fault) -> ConformanceTransport {
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
