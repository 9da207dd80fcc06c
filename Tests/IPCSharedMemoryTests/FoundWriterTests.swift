import IPCProcess
import IPCSharedMemory
import IPCSystem
import TestSupport
import Testing

/// Whoever finds a broadcast or a blackboard that is just being made finds its writer, too.
@Suite(.watched) struct FoundWriterTests {
    /// The helper looks at the instant after the region has its name, and is killed there.
    @Test(arguments: ["broadcast", "lossless", "board"])
    func aNewRegionHasItsWriterBeforeItsName(_ kind: String) async throws {
        try await withName { name in
            let said = try await lastWords(kind, name, at: "region named")
            #expect(said == "a writer")
        }
    }

    /// A file that somebody else named and did not finish is finished under its name, its writer first.
    @Test(arguments: ["broadcast", "lossless", "board"])
    func aRegionThatIsFinishedHasItsWriterBeforeItsHeader(_ kind: String) async throws {
        try await withName { name in
            _ = try FileCalls.open("/dev/shm/\(name)", [.readWrite, .create, .exclusive])
            let said = try await lastWords(kind, name, at: "region filled")
            #expect(said == "a writer")
        }
    }

    /// The claim goes with the process, so a maker that is killed there is in nobody's way.
    @Test func aMakerThatWasKilledIsNoWriter() async throws {
        try await withName { name in
            _ = try await lastWords("broadcast", name, at: "region named")
            let reader = try Broadcast.Reader(at: .named(name), from: .oldest)
            #expect(await code { _ = try reader.tryReceive() } == .peerClosed)
            let writer = try Broadcast.Writer(
                at: .named(name), .open, options: BroadcastOptions(capacity: 65536))
            #expect(try writer.trySend([1]))
            #expect(try reader.tryReceive() == .message([1]))
        }
    }

    /// A region that was claimed by its maker is given up by `close` as any other.
    @Test func aMakerThatClosesMakesRoom() async throws {
        try await withName { name in
            let first = try Broadcast.Writer(at: .named(name), .create)
            #expect(await code { _ = try Broadcast.Writer(at: .named(name), .open) } == .busy)
            first.close()
            let second = try Broadcast.Writer(at: .named(name), .open)
            #expect(try second.trySend([1]))
            try SharedMemory.remove(.named(name))
            let board = try Blackboard<UInt64>.Writer(at: .named(name), .create)
            #expect(await code { _ = try Blackboard<UInt64>.Writer(at: .named(name), .open) } == .busy)
            board.close()
            #expect(try Blackboard<UInt64>.Writer(at: .named(name), .open).publish(1) == 1)
        }
    }

    private func lastWords(_ kind: String, _ name: String, at point: String) async throws -> String {
        let output = try await Command(.path(helperPath), arguments: ["found-writer", kind, name, point]).output()
        #expect(!output.status.isSuccess)
        return output.text.split(separator: "\n").first.map(String.init) ?? output.errorText
    }
}
