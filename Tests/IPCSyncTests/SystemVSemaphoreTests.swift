import IPCProcess
import IPCSync
import IPCSystem
import TestSupport
import Testing

@testable import IPCCore

@Suite(.watched) struct SystemVSemaphoreTests {
    private func withSet(
        _ values: [Int], _ body: (SystemVSemaphoreSet) async throws -> Void
    ) async throws {
        let set = try await SystemVSemaphoreSet(key: Interop.freshKey(), .create, initialValues: values)
        defer { try? set.remove() }
        try await body(set)
    }

    @Test func operationsAreAllOrNone() async throws {
        try await withSet([2, 1, 0]) { set in
            #expect(set.wasCreated)
            #expect(try set.values() == [2, 1, 0])
            #expect(try set.tryPerform([.take(0), .take(2)]) == false)
            #expect(try set.values() == [2, 1, 0])
            #expect(try set.tryPerform([.take(0, 2), .take(1), .waitForZero(0), .give(2, 5)]))
            #expect(try set.values() == [0, 0, 5])
            #expect(try set.lastProcessID(of: 2) == ProcessFacts.processID)
            #expect(
                await Interop.code { try await set.perform([.take(0)], until: .after(.milliseconds(30))) } == .timedOut)
            #expect(try set.values() == [0, 0, 5])
            // Zeroes the undo of this process, so that its end changes nothing.
            for index in 0..<3 { try set.setValue(index, of: index) }
            #expect(try set.values() == [0, 1, 2])
        }
    }

    @Test func waitersAreWokenByChangesAndZero() async throws {
        try await withSet([0, 1]) { set in
            async let grown: Void = set.perform([.take(0, undoneAtDeath: false)], until: .after(.seconds(60)))
            async let zero: Void = set.perform([.waitForZero(1)], until: .after(.seconds(60)))
            while try set.waiterCount(of: 0) == 0 { try await Task.sleep(for: .milliseconds(1)) }
            while try set.zeroWaiterCount(of: 1) == 0 { try await Task.sleep(for: .milliseconds(1)) }
            try await set.perform([.give(0, undoneAtDeath: false), .take(1, undoneAtDeath: false)])
            try await grown
            try await zero
            #expect(try set.values() == [0, 0])
        }
    }

    @Test func removalAndCancellationEndWaits() async throws {
        try await withSet([0]) { set in
            let first = Task { await Interop.code { try await set.perform([.take(0)]) } }
            let second = Task { await Interop.code { try await set.perform([.take(0)]) } }
            while try set.waiterCount(of: 0) < 2 { try await Task.sleep(for: .milliseconds(1)) }
            first.cancel()
            #expect(await first.value == .cancelled)
            try set.remove()
            #expect(await second.value == .removed)
            #expect(await Interop.code { _ = try set.values() } == .removed)
            #expect(await Interop.code { _ = try SystemVSemaphoreSet(identifier: set.identifier) } == .notFound)
        }
    }

    /// F32: what a killed process held is there again, and each time.
    @Test func permitsOfTheKilledReturn() async throws {
        try await withSet([2, 1]) { set in
            for _ in 0..<10 {
                try await Interop.whileHelper(["sysv-hold", "\(set.key)"], says: "held") { child in
                    #expect(try set.values() == [0, 0])
                    async let next: Void = set.perform([.take(0, 2), .take(1)], until: .after(.seconds(60)))
                    _ = try await child.kill()
                    try await next
                    try await set.perform([.give(0, 2), .give(1)])
                }
            }
            #expect(try set.values() == [2, 1])
        }
    }

    /// Undo is the process's: it survives exec, and comes with the end, whatever that is.
    @Test(arguments: ["exit", "crash", "exec"]) func permitsReturnAtEachEnd(_ end: String) async throws {
        try await withSet([2, 1]) { set in
            let peer = try await Peer.start(
                "sysv-hold-until", "\(set.key)", environment: ["SWIFT_BACKTRACE": "enable=no"])
            #expect(try await peer.line() == "held")
            #expect(try set.values() == [0, 0])
            try await peer.child.standardInput.write("\(end)\n")
            if end == "exec" {
                // The new program has begun when it has its own name.
                while try name(of: peer.child.processID) != "sleep" { try await Task.sleep(for: .milliseconds(1)) }
                #expect(try set.values() == [0, 0])
                try await peer.kill()
            }
            try await set.perform([.take(0, 2), .take(1)], until: .after(.seconds(60)))
            try await set.perform([.give(0, 2), .give(1)])
            _ = try await peer.child.exitStatus(until: .after(.seconds(60)))
        }
    }

    private func name(of process: Int32) throws -> String {
        String(decoding: try TestingCalls.contents(of: "/proc/\(process)/comm").dropLast(), as: UTF8.self)
    }

    @Test func theBlockingFormMakesAndFindsTheSame() async throws {
        let key = Interop.freshKey()
        defer { try? SystemVSemaphoreSet.remove(key: key) }
        let (made, found, values) = try await onThread {
            let one = try SystemVSemaphoreSet(blockingKey: key, initialValues: [3, 4])
            let other = try SystemVSemaphoreSet(blockingKey: key, .open)
            return (one.wasCreated, other.identifier == one.identifier, try other.values())
        }
        #expect(made && found && values == [3, 4])
    }

    /// F32: of many who want to be first, one is.
    @Test func oneOfManyCreatorsInitialises() async throws {
        for _ in 0..<3 {
            let key = Interop.freshKey()
            defer { try? SystemVSemaphoreSet.remove(key: key) }
            let said = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<8 { group.addTask { try await Interop.helper("sysv-create", "\(key)", "5", "0", "7") } }
                return try await group.reduce(into: [String]()) { $0.append($1) }
            }
            #expect(said.count { $0 == "made [5, 0, 7]" } == 1, "\(said)")
            #expect(said.count { $0 == "found [5, 0, 7]" } == 7, "\(said)")
        }
    }

    /// F31: whoever is killed between making a set and giving it values leaves one that the next one takes over.
    @Test func aKilledMakerIsReplaced() async throws {
        let key = Interop.freshKey()
        defer { try? SystemVSemaphoreSet.remove(key: key) }
        let output = try await Command(
            .path(Interop.helperPath), arguments: ["sysv-create", "\(key)", "4"],
            options: ChildProcess.Options(
                environment: .inherit.updating([KillPoints.variable: "semaphore set made:1"]))
        ).output()
        #expect(!output.status.isSuccess)
        #expect(try SystemVSemaphoreSet.list().first { $0.key == key }?.wasUsed == false)
        let said = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<3 { group.addTask { try await Interop.helper("sysv-create", "\(key)", "4") } }
            return try await group.reduce(into: [String]()) { $0.append($1) }
        }
        #expect(said.allSatisfy { $0 == "found [4]" }, "\(said)")
    }

    @Test func badInputIsATypedError() async throws {
        try await withSet([1]) { set in
            #expect(await Interop.code { _ = try set.tryPerform([]) } == .invalidArgument)
            #expect(await Interop.code { _ = try set.tryPerform([.take(1)]) } == .invalidArgument)
            #expect(await Interop.code { _ = try set.tryPerform([.give(0, 40000)]) } == .invalidArgument)
            #expect(await Interop.code { _ = try set.tryPerform([.give(0, 32767)]) } == .invalidArgument)
            #expect(await Interop.code { try set.setValue(-1, of: 0) } == .invalidArgument)
            let key = set.key
            #expect(
                await Interop.code { _ = try await SystemVSemaphoreSet(key: key, .create, initialValues: [1]) }
                    == .alreadyExists)
            #expect(
                await Interop.code { _ = try await SystemVSemaphoreSet(key: key, initialValues: [1, 2]) }
                    == .typeMismatch)
            #expect(
                await Interop.code { _ = try await SystemVSemaphoreSet(key: Interop.freshKey(), .open) } == .notFound)
        }
    }

    /// F7: many waits and not a thread of the pool less.
    @Test func waitsAreBoundedAndBlockNobody() async throws {
        try await withSet([0]) { set in
            let waits = (0..<64).map { _ in Task { await Interop.code { try await set.perform([.take(0)]) } } }
            while try set.waiterCount(of: 0) < 64 { try await Task.sleep(for: .milliseconds(1)) }
            #expect(BlockingCalls.shared.count >= 64)
            for wait in waits { wait.cancel() }
            for wait in waits { #expect(await wait.value == .cancelled) }
            let few = BlockingCalls(limit: 1)
            let one = Task { () async throws(IPCError) -> Int in
                try await few.run(until: .never, "test") { limit in
                    FutexWord().wait(while: 0, until: limit)
                    return .success(nil)
                }
            }
            while few.count == 0 { await Task.yield() }
            #expect(
                await Interop.code { let _: Int = try await few.run(until: .never, "test") { _ in .success(1) } }
                    == .resourceExhausted)
            one.cancel()
            #expect(await Interop.code { _ = try await one.value } == .cancelled)
            #expect(try await few.run(until: .never, "test") { _ in .success(2) } == 2)
        }
    }
}
