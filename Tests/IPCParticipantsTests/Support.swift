import IPCCore
import IPCParticipants
import IPCProcess
import IPCSystem
import Testing

/// The helper program, which stands beside the test runner.
let helperPath: String = {
    let runner = (try? FileCalls.destination(of: "/proc/self/exe")) ?? ""
    return runner[..<(runner.lastIndex(of: "/") ?? runner.startIndex)] + "/ipc-test-helper"
}()

/// A folder of its own for `body`, removed with what is in it.
func withFolder<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let path = "/tmp/ipc-participants-\(ProcessFacts.processID)-\(UInt64.random(in: 0 ... .max))"
    try FileCalls.makeDirectory(path, permissions: 0o700)
    do {
        let result = try await body(path)
        _ = try? await Command("rm", "-rf", path).output()
        return result
    } catch {
        _ = try? await Command("rm", "-rf", path).output()
        throw error
    }
}

/// A region for participants in a file, as the helper program makes it too: header page, table, room for a few words.
final class TestRegion: Sendable {
    let memory: MappedMemory
    let file: OwnedDescriptor
    let slotCount: Int

    /// Maps the region at `path`; makes it if there is none.
    init(_ path: String, slotCount: Int) throws {
        let size = ParticipantLayout.byteCount(slotCount: slotCount) + 4096
        file = try FileCalls.open(path, [.readWrite, .create])
        if try FileCalls.status(of: file.number).size < UInt64(size) { try FileCalls.truncate(file.number, to: size) }
        memory = try MappedMemory(
            file.number, byteCount: size, .init(privateBytesBelow: ParticipantLayout.privateBytesBelow))
        self.slotCount = slotCount
    }

    var table: ParticipantTable { ParticipantTable(memory.bytes, slotCount: slotCount) }

    func attach(within limit: Duration = .seconds(60)) async throws(IPCError) -> Participant {
        try await Participant.attach(to: memory, file: file.number, slotCount: slotCount, until: .after(limit))
    }

    func state(_ slot: Int) -> ParticipantRecord.State { table.records[slot].state }

    /// Puts somebody into a free slot who is dead, and of whom nobody can tell whether all threads are gone: a generation at 8,
    /// announced at 16, a dead token at 0.
    func bury(_ slot: Int, generation: UInt64) -> OwnerWord {
        let offset = ParticipantLayout.byteCount(slotCount: slot)
        memory.bytes.word64(offset + 8).storeSequential(generation)
        memory.bytes.word64(offset + 16).storeSequential(generation)
        memory.bytes.word32(offset).storeSequential(0xC000_0000)
        return OwnerWord(slot: slot, generation: generation)
    }

    /// Has the table say that whoever is in the slot never had the lock of its life (`held`, at 40): so nobody can tell
    /// from it whether all of its threads are gone.
    func forgetLifeLock(_ slot: Int) {
        memory.bytes.word64(ParticipantLayout.byteCount(slotCount: slot) + 40).storeSequential(0)
    }
}

/// A process that takes part in a region and does what it is told.
struct Member: Sendable {
    let child: ChildProcess

    private init(_ child: ChildProcess) { self.child = child }

    static func start(
        _ path: String, slotCount: Int, environment: [String: String] = [:]
    ) async throws -> Member {
        let options = ChildProcess.Options(
            environment: .inherit.updating(environment.mapValues { $0 }), standardInput: .pipe, standardOutput: .pipe)
        return Member(
            try await ChildProcess.spawn(
                .path(helperPath), arguments: ["participant", path, "\(slotCount)"], options: options))
    }

    /// Starts one and waits until it is in.
    static func join(_ path: String, slotCount: Int) async throws -> (member: Member, owner: OwnerWord) {
        let member = try await start(path, slotCount: slotCount)
        return (member, try await member.hasJoined())
    }

    /// What it puts into lock words, once it is in.
    func hasJoined() async throws -> OwnerWord {
        let answer = try await line()
        let words = answer.split(separator: " ")
        let raw = try #require(words.count == 4 && words[0] == "in" ? UInt64(words[3]) : nil, "\(answer)")
        return OwnerWord(rawValue: raw)
    }

    func line() async throws -> String {
        try #require(try await child.standardOutput.readLine(until: .after(.seconds(60))))
    }

    func order(_ order: String) async throws { try await child.standardInput.write("\(order)\n") }

    func ask(_ order: String) async throws -> String {
        try await self.order(order)
        return try await line()
    }

    func kill() async throws { _ = try await child.kill() }
}

/// Looks again until `condition` holds. The watchdog is what ends it otherwise.
func eventually(_ condition: () throws -> Bool) async throws {
    while try !condition() { try await Task.sleep(for: .milliseconds(2)) }
}

/// The error that `body` throws.
func failure<Result>(_ body: () async throws(IPCError) -> Result) async -> IPCError? {
    do throws(IPCError) {
        _ = try await body()
        return nil
    } catch {
        return error
    }
}

/// Runs a scenario of the helper program to its end and expects that it found nothing wrong.
func expectScenario(_ arguments: String..., sourceLocation: SourceLocation = #_sourceLocation) async throws -> String {
    let output = try await Command(.path(helperPath), arguments: arguments).output(until: .after(.seconds(240)))
    #expect(output.status.isSuccess, "\(output.text)\(output.errorText)", sourceLocation: sourceLocation)
    return output.text
}
