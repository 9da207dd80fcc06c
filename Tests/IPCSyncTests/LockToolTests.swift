import IPCProcess
import IPCSync
import IPCSystem
import TestSupport
import Testing

/// `ipcctl locks`, as a user starts it.
@Suite(.watched) struct LockToolTests {
    private func ipcctl(_ arguments: String...) async throws -> CommandOutput {
        let path = helperPath.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        return try await Command(.path(path + "/ipcctl"), arguments: arguments).output()
    }

    /// What the tool says of a region: a row of each table is cells by their headings.
    private struct Report {
        var objects: [[String: String]] = []
        var processes: [[String: String]] = []

        init(_ text: String) throws {
            let tables = text.split(separator: "\n\n", omittingEmptySubsequences: false).map(Self.rows)
            try #require(tables.count == 2)
            (objects, processes) = (tables[0], tables[1])
        }

        private static func rows(_ table: Substring) -> [[String: String]] {
            let lines = table.split(separator: "\n").map { line in
                line.split(separator: /\ {2,}/).map(String.init)
            }
            return lines.dropFirst().map { Dictionary(zip(lines[0], $0), uniquingKeysWith: { first, _ in first }) }
        }

        func object(_ name: String) throws -> [String: String] {
            try #require(objects.first { $0["object"] == name }, "\(objects)")
        }
    }

    private func look(_ name: String) async throws -> Report {
        try Report(try await ipcctl("locks", name).checked().text)
    }

    private func withName(_ body: (String) async throws -> Void) async throws {
        let name = "ipc-sync-tool-\(UInt64.random(in: 0 ... .max))"
        defer { try? SharedMemory.remove(.named(name)) }
        try await body(name)
    }

    @Test func whatLivingAndDeadProcessesHave() async throws {
        try await withName { name in
            let region = try await SyncRegion(at: .named(name), .create)
            let mutex = try region.mutex("a mutex", initial: SyncPair())
            _ = try region.readWriteLock("lock")
            _ = try region.semaphore("semaphore", .leased, permits: 3)
            _ = try region.semaphore("plain", .plain, permits: 2)
            _ = try region.election("election")
            let barrier = try region.barrier("barrier", parties: 3)
            _ = try region.condition("condition")
            try region.event("event", .manual).set()
            try region.latch("latch", count: 5).countDown(by: 2)
            _ = try region.once("once")

            let permits = try await Peer.start("object-permits", name, "leased", "2")
            let reader = try await Peer.start("object-readwrite-hold", name, "read")
            let leader = try await Peer.start("object-lead", name)
            let party = try await Peer.start("object-barrier", name, "3", "1")
            for peer in [permits, reader, leader, party] { _ = try await peer.line() }
            let guarded = try await mutex.lock()
            let waiting = Task { try await mutex.withLock(until: .after(.seconds(60))) { $0.count } }
            // The party said that it had joined: it arrives after that.
            try await eventually {
                mutex.holder?.waiters == 1 && mutex.holder?.heldForAtLeast != nil && barrier.arrivedCount == 1
            }

            let report = try await look(name)
            let own = try report.object("a\\x20mutex")
            #expect(own["kind"] == "mutex" && own["state"] == "held" && own["waiters"] == "1", "\(own)")
            #expect(own["process"] == "\(ProcessFacts.processID)" && own["has"] == "owner")
            #expect(own["seconds"].flatMap(Double.init) != nil, "\(own)")
            for (object, kind, state, peer, part) in [
                ("semaphore", "leased semaphore", "1 of 3 free", permits, "2 permits"),
                ("lock", "read-write lock", "read by 1", reader, "reads"),
                ("election", "election", "led, term 1", leader, "leads"),
                ("barrier", "barrier", "1 of 3, round 0", party, "party, arrived"),
            ] {
                let row = try report.object(object)
                #expect(row["kind"] == kind && row["state"] == state && row["has"] == part, "\(row)")
                #expect(row["process"] == "\(peer.child.processID)" && row["program"] == "ipc-test-helper", "\(row)")
            }
            for (object, kind, state) in [
                ("plain", "plain semaphore", "2 free"), ("condition", "condition", "0 signals"),
                ("event", "manual event", "set"), ("latch", "latch", "3 left"), ("once", "once", "not done"),
            ] {
                let row = try report.object(object)
                #expect(row["kind"] == kind && row["state"] == state && row["process"] == "-", "\(row)")
            }
            // The tool itself takes no part.
            #expect(report.processes.count == 5 && report.processes.allSatisfy { $0["state"] == "alive" })
            #expect(try await ipcctl("locks", "--check", name).status == .exited(0))

            for peer in [permits, reader, leader, party] { try await peer.kill() }
            try guarded.unlock()
            _ = try await waiting.value
            let after = try await look(name)
            for (object, state, part) in [
                ("semaphore", "3 of 3 free", "2 permits, died"), ("lock", "free", "reads, died"),
                ("election", "leader died, term 1", "leads, died"), ("barrier", "party died", "party, died"),
                ("a\\x20mutex", "free", "-"),
            ] {
                let row = try after.object(object)
                #expect(row["state"] == state && row["has"] == part, "\(row)")
            }
            #expect(after.processes.count { $0["state"] == "died" } == 4)
            #expect(try await ipcctl("locks", name, "--check").status == .exited(2))
        }
    }

    @Test func aMutexOfItsOwnWhoseOwnerIsStoppedAndDies() async throws {
        try await withFolder { folder in
            let path = "\(folder)/pair"
            let mutex = try await ProcessMutex(at: .file(path), initial: SyncPair())
            let peer = try await Peer.start("sync-hold", path)
            _ = try await peer.line()
            try peer.child.send(.stop)
            let stopped = try await look(path).object("-")
            #expect(stopped["state"] == "held" && stopped["process"] == "\(peer.child.processID)", "\(stopped)")
            try await peer.kill()
            let dead = try await look(path).object("-")
            #expect(dead["state"] == "owner died" && dead["has"] == "owner, died", "\(dead)")
            #expect(dead["process"] == "\(peer.child.processID)" && dead["program"] == "-", "\(dead)")
            #expect(try await ipcctl("locks", "--check", path).status == .exited(2))
            // Looking has recovered nothing: the next owner is told.
            let guarded = try await mutex.lock(until: .after(.seconds(60)))
            let isNews = guarded.previousOwnerDied
            #expect(isNews)
            try guarded.unlock()
            #expect(try await look(path).object("-")["state"] == "free")
            #expect(try await ipcctl("locks", "--check", path).status == .exited(0))
        }
    }

    @Test func aPoisonedLockAndADeadRunner() async throws {
        try await withFolder { folder in
            let path = "\(folder)/raw"
            let holder = try await Peer.start("sync-lock-raw", path, "hold")
            _ = try await holder.line()
            _ = try await holder.line()
            try await holder.kill()
            _ = try await expectScenario("sync-lock-raw", path, "throw")
            #expect(try await look(path).object("-")["state"] == "poisoned")
            #expect(try await ipcctl("locks", "--check", path).status == .exited(2))
        }
        try await withName { name in
            let region = try await SyncRegion(at: .named(name), .create)
            let once = try region.once("once")
            let peer = try await Peer.start("object-once-die", name)
            _ = try await peer.line()
            _ = try await peer.child.exitStatus()
            #expect(try await look(name).object("once")["state"] == "runner died")
            try await once.perform { _ in }
            #expect(try await look(name).object("once")["state"] == "done")
        }
    }

    /// A region of locks is one of those that `list` and `clean` know.
    @Test func regionsOfTheDeadAreCleaned() async throws {
        try await withName { name in
            let peer = try await {
                let region = try await SyncRegion(at: .named(name), .create)
                _ = try region.semaphore("semaphore", .leased, permits: 3)
                let peer = try await Peer.start("object-permits", name, "leased", "1")
                _ = try await peer.line()
                return peer
            }()
            // This process lets go of it some time after its last handle has gone.
            try await eventually { try await ipcctl("locks", name).text.contains("\(ProcessFacts.processID)") == false }
            let used = try await ipcctl("list", "--prefix", name).checked().text
            #expect(used.contains("swift-ipc.sync version 1") && used.hasSuffix("in use\n"), "\(used)")
            #expect(try await ipcctl("clean", "--prefix", name).checked().text.contains("0 regions"))
            try await peer.kill()
            let left = try await ipcctl("list", "--prefix", name).checked().text
            #expect(left.hasSuffix("leftover\n"), "\(left)")
            #expect(try await ipcctl("clean", "--prefix", name).checked().text.contains("1 region,"))
            #expect(try await ipcctl("locks", name).status == .exited(1))
        }
    }

    /// The stops of the tour that kill who has a lock. Each checks what it sees, and is a row that says FAILED otherwise.
    @Test(arguments: ["mutex", "semaphores", "condition", "barrier", "leader election"])
    func theTourVisitsLocks(_ mechanism: String) async throws {
        let tour = try await ipcctl("tour", "--only", mechanism)
        #expect(tour.status == .exited(0), "\(tour.text)\(tour.errorText)")
        let row = try #require(tour.lines.last)
        #expect(row.hasPrefix("\(mechanism)  ") && !row.contains("FAILED"), "\(row)")
    }

    @Test func whatIsNoRegionOfLocksIsRefused() async throws {
        try await withName { name in
            #expect(try await ipcctl("locks", name).errorText.contains("notFound"))
            let other = try SharedMemory(at: .named(name), .create, byteCount: 64, layout: RegionLayout("test.tool"))
            let output = try await ipcctl("locks", name)
            #expect(output.status == .exited(1) && output.errorText.contains("typeMismatch"), "\(output.errorText)")
            #expect(other.byteCount == 64)
        }
        for arguments in [["locks"], ["locks", "a", "b"], ["locks", "--what", "a"], ["locks", "--check"]] {
            let path = helperPath.split(separator: "/", omittingEmptySubsequences: false).dropLast()
                .joined(separator: "/")
            let output = try await Command(.path(path + "/ipcctl"), arguments: arguments).output()
            #expect(output.status == .exited(64), "\(arguments)")
        }
    }

    /// In a process of its own: what is no error there is SIGBUS.
    @Test func aRegionThatIsCutMeanwhileIsAnError() async throws {
        try await withName { name in
            let output = try await Command(.path(helperPath), arguments: ["region-look-cut", name]).output()
            #expect(output.text == "cut\n", "\(output.status) \(output.errorText)")
            #expect(output.status.isSuccess)
        }
    }

    @Test func theToolSaysThatARegionWasCut() async throws {
        try await withName { name in
            _ = try await SyncRegion(at: .named(name), .create)
            // A part of a copy: this process still has the region itself mapped while it leaves.
            let part = try TestingCalls.contents(of: "/dev/shm/\(name)").prefix(5000)
            let copy = "\(name)-copy"
            let file = try FileCalls.open("/dev/shm/\(copy)", [.create, .exclusive, .readWrite])
            defer { try? FileCalls.unlink("/dev/shm/\(copy)") }
            let count = try unsafe part.withUnsafeBytes { bytes in try unsafe DescriptorCalls.write(file.number, bytes)
            }
            #expect(count == 5000)
            let output = try await ipcctl("locks", copy)
            guard case .exited(let code) = output.status, code != 0 else {
                Issue.record("\(output.status)")
                return
            }
            #expect(output.errorText.contains("cut it to 5000"), "\(output.errorText)")
        }
    }
}

/// Looks again and again until it is so, for fifty seconds at most.
private func eventually(_ condition: () async throws -> Bool) async throws {
    for _ in 0..<10_000 {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(5))
    }
    Issue.record("it never came to that")
}
