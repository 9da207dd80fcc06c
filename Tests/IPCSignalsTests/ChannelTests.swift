import IPCProcess
import IPCSignals
import IPCSystem
import TestSupport
import Testing

/// Channels of real-time signals between processes, beyond what the conformance suite asks.
@Suite(.watched) struct ChannelTests {
    private func child(_ arguments: String..., inviting channel: SignalChannel) async throws -> ChildProcess {
        try await ChildProcess.spawn(
            .path(helperPath), arguments: arguments, transferring: [channel.invitation])
    }

    /// Ten thousand numbers under busy threads: in order, none lost, none twice, and then the end.
    @Test(arguments: [1, 256, 4096]) func tenThousandArriveInOrder(_ capacity: Int) async throws {
        try await expectScenario("signal-order", helperPath, "10000", "\(capacity)")
    }

    /// Where the thread that receives takes the signals itself, a handler that is put over the library's at any moment sees
    /// each that comes from then on, and nothing of what a dying peer sent is overtaken by its death.
    @Test(arguments: 0..<3) func roundTripsLoseNothing(_: Int) async throws {
        try await expectScenario("signal-round-trips", helperPath)
    }

    /// The same at the very moment: the signals of one hold, with the handler put over the library's in the middle.
    @Test func aHookIsFoundDuringAHold() async throws { try await expectScenario("signal-hooked-hold") }

    @Test func tenThousandGoOut() async throws {
        let channel = try SignalChannel(on: .realTimeSignals[1])
        defer { channel.close() }
        let receiver = try await child("signal-receive", inviting: channel)
        for number: Int32 in 0..<10_000 { try await channel.send(number, until: soon) }
        try await channel.finish(until: soon)
        #expect(try await channel.receive(until: soon) == nil)
        #expect(try await receiver.exitStatus(until: soon) == .exited(0))
    }

    /// A flood of another signal: who waits for a message or for room is told, though no signal of its own arrives any more.
    @Test(arguments: ["receives", "sends"]) func aLossIsTold(_ what: String) async throws {
        try await expectScenario("signal-channel-loss", what)
    }

    @Test func invitationsTravelAsText() async throws {
        let near = try SignalChannel(on: .realTimeSignals[2])
        let text = near.invitation.description
        let invitation = try #require(SignalInvitation(text))
        #expect(invitation == near.invitation)
        let far = try SignalChannel(accepting: invitation)
        try await far.waitUntilOpen(until: soon)
        try await far.send(.min, until: soon)
        try await near.send(.max, until: soon)
        #expect(try await near.receive(until: soon) == .min)
        #expect(try await far.receive(until: soon) == .max)
        for wrong in ["", "1:2:3", "0:1:2:3", "1:2:3:4:5", "1:2:x:4", "-1:2:3:4"] {
            #expect(SignalInvitation(wrong) == nil, "\(wrong)")
        }
        near.close()
        #expect(await failure { try await far.receive(until: soon) }?.code == .peerClosed)
        far.close()
        #expect(await failure { try await far.receive(until: soon) }?.code == .closed)
    }

    /// Whoever comes when the channel is closed, or when its process is gone or is another one, is told so.
    @Test func staleInvitationsAreRefused() async throws {
        let near = try SignalChannel(on: .realTimeSignals[2])
        let invitation = near.invitation
        near.close()
        let late = try SignalChannel(accepting: invitation)
        #expect(await failure { try await late.waitUntilOpen(until: soon) }?.code == .peerClosed)
        late.close()
        #expect(await failure { try invitation.transfer() }?.code == .closed)

        let parts = invitation.description.split(separator: ":")
        let reused = try #require(SignalInvitation("\(parts[0]):\(parts[1])1:\(parts[2]):\(parts[3])"))
        #expect(await failure { try SignalChannel(accepting: reused) }?.code == .notFound)
        // A process that would die of the signal gets none.
        let child = try await ChildProcess.spawn("sleep", arguments: ["1000"])
        let deaf = try #require(SignalInvitation("\(child.processID):\(parts[1]):\(parts[2]):\(parts[3])"))
        #expect(await failure { try SignalChannel(accepting: deaf) }?.code == .notFound)
        #expect(try child.exitStatusIfEnded() == nil)
        try await child.kill()
        #expect(await failure { try SignalChannel(accepting: deaf) }?.code == .notFound)
    }

    @Test func anInvitationThatIsDroppedEndsTheWait() async throws {
        let channel = try SignalChannel(on: .realTimeSignals[2])
        defer { channel.close() }
        let child = try await ChildProcess.spawn("true", transferring: [channel.invitation])
        #expect(await failure { try await channel.receive(until: soon) }?.code == .peerClosed)
        #expect(await failure { try await channel.send(1, until: soon) }?.code == .peerClosed)
        try await child.exitStatus()
    }

    /// Signals of others, with any value, are not messages.
    @Test func strangersAreNotHeard() async throws {
        let signal = Signal.realTimeSignals[2]
        let near = try SignalChannel(on: signal)
        defer { near.close() }
        let far = try SignalChannel(accepting: near.invitation)
        defer { far.close() }
        try await far.waitUntilOpen(until: soon)
        for value: Int32 in [0, 1, .max, .min, -1] { try Signals.send(signal, value: value, to: .currentProcess) }
        try Signals.send(signal, to: .currentProcess)
        let stranger = try await Command("sh", "-c", "kill -\(signal.rawValue) \(ProcessFacts.processID)").output()
        #expect(stranger.status.isSuccess)
        try await far.send(7, until: soon)
        #expect(try await near.receive(until: soon) == 7)
        #expect(try near.tryReceive() == .empty)
    }

    /// In a process of its own: there are channels in other tests, which would have no room meanwhile.
    @Test func channelsShareTheRoomOfTheirPipe() async {
        await #expect(processExitsWith: .success) {
            let signal = Signal.realTimeSignals[2]
            var channels: [SignalChannel] = []
            var refusal: IPCError?
            do throws(IPCError) {
                for _ in 0..<20 { channels.append(try SignalChannel(on: signal, capacity: 4096)) }
            } catch {
                refusal = error
            }
            #expect(refusal?.code == .resourceExhausted)
            for channel in channels { channel.close() }
            try SignalChannel(on: signal, capacity: 4096).close()
        }
    }

    @Test func capacitiesAreCheckedAndRounded() async throws {
        let signal = Signal.realTimeSignals[2]
        for capacity in [0, -1, 4097] {
            #expect(await failure { try SignalChannel(on: signal, capacity: capacity) }?.code == .invalidArgument)
        }
        let odd = try SignalChannel(on: signal, capacity: 100)
        #expect(odd.capacity == 128)
        odd.close()
    }

    @Test func codecsApply() async throws {
        let near = try SignalChannel(on: .realTimeSignals[2])
        let far = try SignalChannel(accepting: near.invitation)
        defer {
            near.close()
            far.close()
        }
        let sending = near.bytes.messages(sending: UInt16.self, receiving: UInt16.self, using: .plainData)
        let receiving = far.bytes.messages(sending: UInt16.self, receiving: UInt16.self, using: .plainData)
        try await sending.send(65_000, until: soon)
        #expect(try await receiving.receive(until: soon) == 65_000)
    }

    /// What an ordinary user is told at RLIMIT_SIGPENDING, and that everything arrives all the same.
    @Test(.enabled(if: ProcessFacts.effectiveUser == 0, "it takes root to become another user"))
    func theLimitOfQueuedSignalsIsNamed() async throws {
        let program = "ulimit -i 24 && exec setpriv \(asNobody.joined(separator: " ")) \"$0\" signal-limit \"$0\""
        let output = try await Command(.name("bash"), arguments: ["-c", program, helperPath]).output(until: soon)
        #expect(output.status.isSuccess, "\(output.text)\(output.errorText)")
    }
}
