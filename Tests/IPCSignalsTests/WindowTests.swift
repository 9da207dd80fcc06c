import TestSupport
import Testing

@testable import IPCSignals

/// The order of a channel's messages, as a value.
@Suite(.watched) struct WindowTests {
    private func message(_ sequence: UInt32, _ value: UInt32 = 0) -> SignalFrame {
        SignalFrame(.message(byteCount: 4), sequence: sequence, value: value)
    }

    @Test func whatOvertookWaitsForWhatIsMissing() {
        var window = SignalWindow(capacity: 4)
        window.place(message(2, 12))
        window.place(message(1, 11))
        #expect(window.take().taken == .empty)
        window.place(message(0, 10))
        for value: UInt32 in 10...12 { #expect(window.take().taken == .message(byteCount: 4, value: value)) }
        #expect(window.take().taken == .empty)
    }

    @Test func theSequenceGoesOnBeyondItsLargestNumber() {
        var window = SignalWindow(capacity: 256)
        var sequence: UInt32 = 0
        // Far enough for all slots to be used again and again; then at the end of the numbers.
        for round: UInt32 in 0..<1000 {
            window.place(message(sequence, round))
            #expect(window.take().taken == .message(byteCount: 4, value: round))
            sequence = (sequence + 1) & SignalFrame.sequenceMask
        }
        #expect(SignalFrame.distance(from: SignalFrame.sequenceMask, to: 1) == 2)
        #expect(SignalFrame(.finish, sequence: .max).sequence == SignalFrame.sequenceMask)
    }

    @Test func creditIsGivenForHalfOfTheRoom() {
        var window = SignalWindow(capacity: 4)
        for sequence: UInt32 in 0..<4 { window.place(message(sequence)) }
        #expect(window.take().credit == nil)
        #expect(window.take().credit == 6)
        #expect(window.take().credit == nil)
        #expect(window.take().credit == 8)
    }

    @Test func theFinishHasAPlaceBehindTheLastMessage() {
        var window = SignalWindow(capacity: 1)
        window.place(message(0))
        window.place(SignalFrame(.finish, sequence: 1))
        #expect(window.take().taken == .message(byteCount: 4, value: 0))
        #expect(window.take().taken == .finished)
        window.die()
        #expect(window.take().taken == .finished)
    }

    @Test func aClosedEndIsSeenBehindItsMessages() {
        var window = SignalWindow(capacity: 4)
        window.close(at: 2)
        window.place(message(1, 1))
        #expect(window.take().taken == .empty)
        window.place(message(0, 0))
        window.place(message(2, 2))
        #expect(window.take().taken == .message(byteCount: 4, value: 0))
        #expect(window.take().taken == .message(byteCount: 4, value: 1))
        #expect(window.take().taken == .gone)
    }

    @Test func theDeadPeersGapIsItsEnd() {
        var window = SignalWindow(capacity: 4)
        window.place(message(0, 7))
        window.place(message(2, 9))
        window.die()
        #expect(window.take().taken == .message(byteCount: 4, value: 7))
        #expect(window.take().taken == .gone)
    }

    @Test func whatComesTwiceCountsOnce() {
        var window = SignalWindow(capacity: 4)
        window.place(message(0, 7))
        #expect(window.take().taken == .message(byteCount: 4, value: 7))
        window.place(message(0, 7))
        #expect(window.take().taken == .empty)
    }

    @Test func moreThanThereIsRoomForIsAViolation() {
        var window = SignalWindow(capacity: 4)
        window.place(message(4))
        #expect(window.take().taken == .violated)
        window = SignalWindow(capacity: 4)
        window.place(SignalFrame(.finish, sequence: 5))
        #expect(window.take().taken == .violated)
    }

    @Test func lossEndsTheChannelBehindWhatIsThere() {
        var window = SignalWindow(capacity: 4)
        window.place(message(0, 7))
        window.lose()
        #expect(window.take().taken == .message(byteCount: 4, value: 7))
        #expect(window.take().taken == .lost)
    }

    @Test func framesSurviveTheirWay() {
        for kind: SignalFrame.Kind in [
            .message(byteCount: 0), .message(byteCount: 4), .finish, .close, .hello, .credit, .fence,
        ] {
            let frame = SignalFrame(kind, sequence: 0xABC_DEF1, value: 0x8765_4321)
            #expect(SignalFrame(frame.bits) == frame)
        }
        for number: UInt64 in 10..<16 { #expect(SignalFrame(number << 60) == nil) }
        let greeting = Greeting(thread: 4_194_303, capacityExponent: 12, isReply: true)
        #expect(Greeting(sequence: SignalFrame(.hello, sequence: greeting.sequence).sequence) == greeting)
    }
}
