import IPCParticipants
import IPCProcess
import IPCSync
import IPCSystem
import IPCTestKit
import TestSupport
import Testing

/// Whether all threads of a dead process are gone, before anybody takes over.
@Suite(.watched) struct DepartureTests {
    @Test func theLockOfALifeTells() async throws {
        try await withWatchdog(.seconds(200)) {
            try await withFolder { folder in
                let path = "\(folder)/pair"
                let mutex = try await ProcessMutex(at: .file(path), initial: SyncPair())
                let participant = mutex.region.participant
                let file = try FileCalls.open(path, .readWrite)
                let peer = try await Peer.start("sync-hold", path)
                #expect(try await peer.line() == "held false")
                let place = try #require(participant.table.records.first { $0.processID == peer.child.processID })
                let owner = OwnerWord(slot: place.slot, generation: place.generation)
                let byte = UInt64(1 + place.slot)
                #expect(try LifeLock.isHeld(file.number, byte: byte))
                #expect(try LifeLock.tryTake(file.number, byte: byte) == nil)
                try await peer.kill()
                #expect(participant.table.isDead(owner))
                // Somebody else has the byte, as threads that are still on their way would.
                let late = try #require(try LifeLock.tryTake(file.number, byte: byte))
                // Unless the keeper was quicker: it has seen the byte free before, or it made sure while this thread tried.
                var wasTaken = false
                var isNews = false
                if let early = try mutex.tryLock() {
                    wasTaken = true
                    isNews = early.previousOwnerDied
                }
                if participant.departure(of: owner) == .leaving { #expect(!wasTaken) }
                // Bounded: then the barrier makes sure, on a thread of the library.
                let guarded = try await mutex.lock(until: .after(.seconds(60)))
                if !wasTaken { isNews = guarded.previousOwnerDied }
                #expect(isNews)
                withExtendedLifetime(late) {}
                #expect(participant.departure(of: owner) == .gone)
            }
        }
    }

    @Test func aFreeByteMeansGone() async throws {
        try await withWatchdog(.seconds(200)) {
            try await withFolder { folder in
                let path = "\(folder)/pair"
                let mutex = try await ProcessMutex(at: .file(path), initial: SyncPair())
                let participant = mutex.region.participant
                for _ in 0..<5 {
                    let peer = try await Peer.start("sync-hold", path)
                    _ = try await peer.line()
                    let place = try #require(participant.table.records.first { $0.processID == peer.child.processID })
                    let owner = OwnerWord(slot: place.slot, generation: place.generation)
                    try await peer.kill()
                    // It is reaped, so all of it is gone.
                    #expect(participant.departure(of: owner) == .gone)
                    let guarded = try await mutex.lock(until: .after(.seconds(60)))
                    let isNews = guarded.previousOwnerDied
                    #expect(isNews)
                }
            }
        }
    }
}
