import Glibc
import IPCCore
import TestSupport
import Testing

@Suite(.watched) struct SignalTests {
    @Test func numbersAreThoseOfTheSystem() {
        let pairs: [(Signal, Int32)] = [
            (.hangUp, SIGHUP), (.interrupt, SIGINT), (.quit, SIGQUIT), (.illegalInstruction, SIGILL), (.trap, SIGTRAP),
            (.abort, SIGABRT), (.busError, SIGBUS), (.floatingPointException, SIGFPE), (.kill, SIGKILL),
            (.user1, SIGUSR1), (.segmentationFault, SIGSEGV), (.user2, SIGUSR2), (.brokenPipe, SIGPIPE),
            (.alarm, SIGALRM), (.terminate, SIGTERM), (.stackFault, SIGSTKFLT), (.child, SIGCHLD), (.continue, SIGCONT),
            (.stop, SIGSTOP), (.terminalStop, SIGTSTP), (.terminalInput, SIGTTIN), (.terminalOutput, SIGTTOU),
            (.urgent, SIGURG), (.cpuTimeExceeded, SIGXCPU), (.fileSizeExceeded, SIGXFSZ), (.virtualAlarm, SIGVTALRM),
            (.profiling, SIGPROF), (.windowChange, SIGWINCH), (.inputOutput, SIGIO), (.powerFailure, SIGPWR),
            (.badSystemCall, SIGSYS),
        ]
        for (signal, number) in pairs { #expect(signal.rawValue == number, "\(signal)") }
        #expect(Set(pairs.map(\.0)).count == 31)
        #expect(Set(pairs.map(\.0.name)).count == 31)
    }

    @Test func names() {
        #expect(Signal.terminate.name == "SIGTERM")
        #expect(Signal.badSystemCall.name == "SIGSYS")
        #expect(Signal.child.description == "SIGCHLD (17)")
        #expect(Signal(rawValue: 0).name == "signal 0")
        #expect(Signal(rawValue: -1).name == "signal -1")
        #expect(Signal(rawValue: 1000).name == "signal 1000")
    }

    @Test func realTimeSignals() throws {
        let all = Signal.realTimeSignals
        #expect(all.count >= 8)
        #expect(Signal.realTime(0) == all.first && Signal.realTime(all.count - 1) == all.last)
        #expect(Signal.realTime(-1) == nil && Signal.realTime(all.count) == nil && Signal.realTime(.max) == nil)
        let first = try #require(Signal.realTime(0))
        let fourth = try #require(Signal.realTime(3))
        #expect(first.name == "SIGRTMIN" && fourth.name == "SIGRTMIN+3")
        #expect(first.isRealTime && !Signal.terminate.isRealTime)
        // The C library keeps the first two or three for itself.
        #expect(first.rawValue > 32)
    }

    @Test func namesLeadBack() {
        for signal in (1...31).map({ Signal(rawValue: $0) }) + Signal.realTimeSignals {
            #expect(Signal(named: signal.name) == signal)
            #expect(Signal(named: String(signal.name.dropFirst(3))) == signal)
        }
        for wrong in ["", "SIG", "term", "SIGRTMIN+99", "SIGSIGTERM", "signal 3"] {
            #expect(Signal(named: wrong) == nil, "\(wrong)")
        }
    }

    /// The table of signal(7).
    @Test func defaultActions() {
        let ignored: Set<Signal> = [.child, .urgent, .windowChange]
        let stopping: Set<Signal> = [.stop, .terminalStop, .terminalInput, .terminalOutput]
        let dumping = Set([3, 4, 5, 6, 7, 8, 11, 24, 25, 31].map { Signal(rawValue: $0) })
        for signal in (1...31).map({ Signal(rawValue: $0) }) + Signal.realTimeSignals {
            let expected: Signal.DefaultAction =
                if ignored.contains(signal) {
                    .ignore
                } else if stopping.contains(signal) {
                    .stop
                } else if dumping.contains(signal) {
                    .dumpCore
                } else {
                    signal == .continue ? .continue : .terminate
                }
            #expect(signal.defaultAction == expected, "\(signal)")
        }
    }

    @Test func crossesAsANumber() throws {
        #expect(try BinaryCodec.encode(Signal.kill) == [1, 9])
        #expect(try BinaryCodec.decode(Signal.self, from: [1, 15]) == .terminate)
    }
}
