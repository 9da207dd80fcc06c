import ConformanceTransports
import IPCSystem
import IPCTestKit
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
        try await OwnProcess.run(conformance)
    }

    /// What others of the process open in every round and close later is not blamed on the transport.
    @Test func whatGoesLaterIsNoLeak() async throws {
        let kept = Lock<[PassedDescriptor]?>([])
        var transport = ConformanceTransport.faulty(nil)
        transport.patience = .seconds(120)
        let makePair = transport.makePair
        transport.makePair = {
            let one = try PassedDescriptor(duplicating: 0)
            kept.withLock { $0?.append(one) }
            return try await makePair()
        }
        let conformance = try #require(ConformanceSuite.cases(for: transport).first { $0.topic == .emptyMessage })
        async let others: Void = {
            // Four rounds look for more than a second each.
            try await Task.sleep(for: .seconds(8))
            kept.withLock { $0 = nil }
        }()
        try await conformance.run()
        try await others
    }

    @Test func failureNamesEverything() async throws {
        var transport = ConformanceTransport.faulty(.dropsMessages)
        // It is the next message that is wrong, and not a wait that came to nothing.
        transport.patience = .seconds(120)
        let conformance = try #require(ConformanceSuite.cases(for: transport).first { $0.topic == .order })
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
