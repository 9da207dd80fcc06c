import IPCSockets
import IPCSystem
import TestSupport
import Testing

@testable import IPCWorkers

/// What leaves a worker, and what is in its journal meanwhile, without a process.
@Suite(.watched) struct WorkerSendingTests {
    /// A worker's service whose pool reads when the test does.
    private struct Bench {
        let service: WorkerService
        let pool: SocketChannel
        let parcels: SocketChannel
        let journal: Journal

        init() throws {
            let (channel, pool) = try SocketChannel.makePair(options: WorkerLink.socketOptions)
            let (theirParcels, parcels) = try SocketChannel.makePair(options: WorkerLink.parcelOptions)
            journal = try Journal()
            let file = OwnedDescriptor(owning: try #require(try journal.duplicate().take()))
            let writer = try JournalWriter(file.number)
            service = WorkerService(
                WorkerService.Equipment(index: 0, channel: channel, parcels: theirParcels, journal: writer),
                WorkerBriefing(
                    cancellationGrace: nil, memoryLimit: nil, sharedValueSize: 1 << 20, setUpArgument: nil),
                [], state: nil)
            self.pool = pool
            self.parcels = parcels
        }

        /// Notes answers until the socket and the journal are full.
        ///
        /// - Returns: the number of the last.
        func fill(after last: UInt64 = 0, size: Int = 30_000) -> UInt64 {
            let body = [UInt8](repeating: 7, count: size)
            var count = last
            while count < 10_000, unsafe service.note(.reply, count + 1, body.span.bytes) {
                count += 1
                service.attend()
            }
            return count
        }

        func ids(in message: [UInt8]) throws -> [UInt64] {
            var found: [UInt64] = []
            try unsafe CallWire.forEachFrame(of: message.span.bytes) { (header, _) throws(IPCError) in
                found.append(header.id)
            }
            return found
        }

        /// What would be lost with the process if it were not in its journal.
        func noted() throws -> [UInt64] { try journal.read().messages.flatMap { try ids(in: $0) } }

        /// What has arrived whole.
        func arrived() throws -> [UInt64] {
            var found: [UInt64] = []
            while case .message(let message) = try pool.tryReceive() { found += try ids(in: message) }
            return found
        }
    }

    /// Of some of these sizes the socket takes a part of the last one.
    @Test(arguments: [1_000, 20_000, 30_000, 50_000, 60_000, 65_000])
    func answersStayInTheJournalUntilTheirLastByteHasLeft(_ size: Int) throws {
        let bench = try Bench()
        let count = bench.fill(size: size)
        #expect(count > 2 && count < 10_000)
        let noted = try bench.noted()
        var arrived = try bench.arrived()
        #expect(Set(noted).union(arrived) == Set(1...count))
        // The pool reads again, and the guardian sends the rest, of what had begun first.
        while UInt64(arrived.count) < count {
            bench.service.attend()
            let more = try bench.arrived()
            #expect(!more.isEmpty)
            if more.isEmpty { break }
            arrived += more
        }
        #expect(arrived == Array(1...count))
        bench.service.attend()
        #expect(try bench.noted().isEmpty)
    }

    /// The elements of a stream and its end may be in both halves.
    @Test func journalTellsWhatIsOlder() throws {
        let bench = try Bench()
        var last: UInt64 = 0
        for _ in 0..<8 {
            last = bench.fill(after: last)
            let noted = try bench.noted()
            #expect(noted.count >= 3 && noted.last == last)
            #expect(noted == noted.sorted())
            // Room for the next: the halves change places.
            guard case .message = try bench.pool.tryReceive() else {
                Issue.record("nothing has arrived")
                return
            }
            bench.service.attend()
        }
    }

    /// A task that is cancelled while the pool does not read is no reason to end the worker.
    @Test func cancellationDoesNotEndTheSendingOfAnswers() async throws {
        let bench = try Bench()
        let count = bench.fill()
        let runner = Task { try await bench.service.flush() }
        runner.cancel()
        var arrived: [UInt64] = []
        while UInt64(arrived.count) < count {
            let message = try #require(try await bench.pool.receive(until: .after(.seconds(60))))
            arrived += try bench.ids(in: message)
        }
        try await runner.value
        #expect(arrived == Array(1...count))
        #expect(try bench.noted().isEmpty)
    }

    /// What is larger than the journal goes between what the guardian sends, and whole.
    @Test func answersThatAreLargerThanTheJournal() async throws {
        let bench = try Bench()
        let count = bench.fill()
        let runner = Task {
            let body = [UInt8](repeating: 1, count: 3 * JournalLayout.halfSize)
            try await bench.service.answer(.reply, count + 1, unsafe body.span.bytes)
        }
        runner.cancel()
        var arrived: [UInt64] = []
        while UInt64(arrived.count) <= count {
            let message = try #require(try await bench.pool.receive(until: .after(.seconds(60))))
            arrived += try bench.ids(in: message)
        }
        try await runner.value
        #expect(arrived == Array(1...count + 1))
    }

    /// One parcel that cannot be opened concerns its own task alone, or nobody.
    @Test func parcelThatCannotBeOpened() async throws {
        let (sending, receiving) = try SocketChannel.makePair(options: WorkerLink.parcelOptions)
        let inbox = ParcelInbox(receiving)
        let bytes = [UInt8](repeating: 3, count: 1000)
        let null = try PassedDescriptor(duplicating: 0)
        for id in 1...4 as ClosedRange<UInt64> {
            if id % 2 == 1 {
                // No sealed file.
                var message: [UInt8] = []
                CallWire.append(id, to: &message)
                CallWire.append(UInt64(1000), to: &message)
                let number = try #require(null.borrowedNumber)
                try await sending.sender.send(unsafe message.span.bytes, descriptors: [number], until: .never)
            } else {
                let value = TaskBytes(try SealedFile(unsafe bytes.span.bytes))
                try await Parcel(id: id, value).send(through: sending)
            }
        }
        withExtendedLifetime(null) {}
        inbox.forget(3)
        let first = try await inbox.take(1, until: .after(.seconds(60)))
        #expect(throws: IPCError.self) { try first.get() }
        for id in [2, 4] as [UInt64] {
            let parcel = try await inbox.take(id, until: .after(.seconds(60))).get()
            #expect(parcel.id == id && parcel.file?.byteCount == 1000)
        }
    }

    private func parcel(_ id: UInt64) throws -> Parcel {
        let bytes = [UInt8](repeating: 3, count: 1000)
        return Parcel(id: id, TaskBytes(try SealedFile(unsafe bytes.span.bytes)))
    }

    /// What is handed back leaves no parcel in the socket, which would be full after some hundred.
    @Test func parcelsOfWhatIsHandedBackLeaveTheSocket() throws {
        let bench = try Bench()
        func bring(_ id: UInt64, hasParcel: Bool) {
            bench.service.desk.withLock {
                $0.arrived(
                    WorkerDesk.Request(
                        id: id, method: 0, deadline: .never, bytes: TaskBytes([1]), hasParcel: hasParcel))
            }
        }
        bring(1, hasParcel: false)
        _ = bench.service.desk.withLock { $0.next(at: 0) }
        for id in 2...1000 as ClosedRange<UInt64> {
            #expect(try parcel(id).trySend(through: bench.parcels))
            bring(id, hasParcel: true)
            bench.service.attend()
            #expect(try bench.arrived() == [id])
        }
    }

    /// A parcel that is wanted keeps its place, and those behind it go when it has been taken.
    @Test func forgottenParcelsBetweenOthers() async throws {
        let (sending, receiving) = try SocketChannel.makePair(options: WorkerLink.parcelOptions)
        let inbox = ParcelInbox(receiving)
        for round in 0..<50 as Range<UInt64> {
            let ids = (0..<20).map { round * 20 + $0 }
            for id in ids { #expect(try parcel(id).trySend(through: sending)) }
            for id in ids where id % 5 != 2 { inbox.forget(id) }
            for id in ids where id % 5 == 2 {
                let parcel = try await inbox.take(id, until: .after(.seconds(60))).get()
                #expect(parcel.id == id && parcel.file?.byteCount == 1000)
            }
        }
        #expect(inbox.takeAll().isEmpty)
    }

    /// Who waits for a parcel is not robbed of it by one who gives up another.
    @Test func forgettingWhileAParcelIsAwaited() async throws {
        let (sending, receiving) = try SocketChannel.makePair(options: WorkerLink.parcelOptions)
        let inbox = ParcelInbox(receiving)
        for round in 0..<300 as Range<UInt64> {
            let waiting = Task { try await inbox.take(2 * round, until: .after(.seconds(60))).get().id }
            if round % 3 != 0 { await Task.yield() }
            try await parcel(2 * round).send(through: sending)
            try await parcel(2 * round + 1).send(through: sending)
            inbox.forget(2 * round + 1)
            #expect(try await waiting.value == 2 * round)
        }
        #expect(inbox.takeAll().isEmpty)
    }
}
