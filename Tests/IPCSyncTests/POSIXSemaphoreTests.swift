import IPCProcess
import IPCSharedMemory
import IPCSync
import IPCSystem
import TestSupport
import Testing

@Suite(.watched) struct POSIXSemaphoreTests {
    private func withName(_ body: (String) async throws -> Void) async throws {
        let name = Interop.freshName()
        defer { try? POSIXSemaphore.remove(named: name) }
        try await body(name)
    }

    @Test func countsAndWaits() async throws {
        try await withName { name in
            let semaphore = try POSIXSemaphore(named: name, .create, initialValue: 2)
            #expect(semaphore.tryWait())
            try await semaphore.wait()
            #expect(semaphore.value == 0)
            #expect(!semaphore.tryWait())
            #expect(await Interop.code { try await semaphore.wait(until: .after(.milliseconds(20))) } == .timedOut)
            let waiting = Task { await Interop.code { try await semaphore.wait() } }
            while semaphore.waiterCount == 0 { try await Task.sleep(for: .milliseconds(1)) }
            waiting.cancel()
            #expect(await waiting.value == .cancelled)
            #expect(semaphore.waiterCount == 0)
            try semaphore.post()
            #expect(semaphore.value == 1)
        }
    }

    /// What sem_open(3) of glibc makes, ours opens, and the other way round.
    @Test func namesAndLayoutAreGlibcs() async throws {
        try await withName { name in
            let semaphore = try POSIXSemaphore(named: "/" + name, .create, initialValue: 3, permissions: 0o660)
            let calls = """
                import ctypes
                c=ctypes.CDLL(None,use_errno=True); c.sem_open.restype=ctypes.c_void_p
                """
            let read = """
                s=ctypes.c_void_p(c.sem_open(b'/\(name)',0)); v=ctypes.c_int()
                c.sem_getvalue(s,ctypes.byref(v)); c.sem_post(s); print(v.value)
                """
            #expect(try await Interop.python(calls + "\n" + read) == "3\n")
            #expect(semaphore.value == 4)
            let listed = try #require(try POSIXSemaphore.list().first { $0.name == name })
            #expect(listed.value == 4)
            #expect(listed.permissions == 0o660)
            try POSIXSemaphore.remove(named: name)
            #expect(await Interop.code { _ = try POSIXSemaphore(named: name, .open) } == .notFound)
            _ = try await Interop.python(calls + "\nc.sem_open(b'/\(name)',0o100,0o600,7)")
            #expect(try POSIXSemaphore(named: name, .open).value == 7)
            #expect(await Interop.code { _ = try POSIXSemaphore(named: name, .create) } == .alreadyExists)
        }
    }

    @Test func aPostWakesTheOtherSide() async throws {
        try await withName { name in
            let semaphore = try POSIXSemaphore(named: name, .create)
            for _ in 0..<5 {
                async let woken: Void = semaphore.wait(until: .after(.seconds(60)))
                while semaphore.waiterCount == 0 { try await Task.sleep(for: .milliseconds(1)) }
                try await Interop.helper("semaphore-glibc-post", name)
                try await woken
                try await withChildProcess(
                    .path(Interop.helperPath), arguments: ["semaphore-glibc-wait", name],
                    options: ChildProcess.Options(standardOutput: .pipe)
                ) { child in
                    var lines = try child.standardOutput.lines.makeAsyncIterator()
                    #expect(try await lines.next() == "waiting")
                    while semaphore.waiterCount == 0 { try await Task.sleep(for: .milliseconds(1)) }
                    try semaphore.post()
                    #expect(try await lines.next() == "woken")
                    #expect(try await child.exitStatus(until: .after(.seconds(60))).isSuccess)
                }
                #expect(semaphore.value == 0 && semaphore.waiterCount == 0)
            }
        }
    }

    /// Two processes of glibc and two of ours pass one permit around.
    @Test func permitsAreConservedBetweenOursAndGlibcs() async throws {
        try await withName { name in
            let semaphore = try POSIXSemaphore(named: name, .create, initialValue: 1)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for scenario in ["semaphore-glibc", "semaphore-cycle", "semaphore-glibc", "semaphore-cycle"] {
                    group.addTask { try await Interop.helper(scenario, name, "3000") }
                }
                try await group.waitForAll()
            }
            #expect(semaphore.value == 1)
            #expect(semaphore.waiterCount == 0)
        }
    }

    @Test func cancelledWaitsTakeNothing() async throws {
        try await withName { name in
            let semaphore = try POSIXSemaphore(named: name, .create)
            var taken = 0
            for round in 0..<400 {
                let waiting = Task { await Interop.code { try await semaphore.wait() } }
                if round % 2 == 0 { await Task.yield() }
                let posting = Task { try semaphore.post() }
                waiting.cancel()
                let code = await waiting.value
                #expect(code == nil || code == .cancelled)
                if code == nil { taken += 1 }
                try await posting.value
            }
            #expect(semaphore.value == 400 - taken)
            #expect(semaphore.waiterCount == 0)
        }
    }

    /// Waiters die, ours and glibc's; each permit that is posted then reaches somebody who lives.
    @Test func killedWaitersTakeNoPermits() async throws {
        try await withName { name in
            let semaphore = try POSIXSemaphore(named: name, .create)
            for scenario in ["semaphore-wait", "semaphore-glibc-wait", "semaphore-wait"] {
                try await Interop.whileHelper([scenario, name], says: "waiting") { child in
                    let before = semaphore.waiterCount
                    while semaphore.waiterCount == before {
                        try await Task.sleep(for: .milliseconds(1))
                        if semaphore.waiterCount > 0 { break }
                    }
                    _ = try await child.kill()
                    async let woken: Void = semaphore.wait(until: .after(.seconds(60)))
                    try semaphore.post()
                    try await woken
                }
            }
            #expect(semaphore.value == 0)
        }
    }

    /// Killed between the count and the wake-up: nobody is woken, and no region has the news of the death. A task looks again
    /// by itself; who waits in C sleeps on until the next post.
    @Test func aPostThatIsCutOffIsSeenByTasks() async throws {
        try await withName { name in
            let semaphore = try POSIXSemaphore(named: name, .create)
            async let woken: Void = semaphore.wait(until: .after(.seconds(60)))
            while semaphore.waiterCount == 0 { try await Task.sleep(for: .milliseconds(1)) }
            let status = try await Command(
                .path(helperPath), arguments: ["semaphore-post", name],
                options: .init(environment: .inherit.updating([KillPoints.variable: "posix semaphore posted:1"]))
            ).output().status
            #expect(status == .signaled(.kill, coreDumped: false))
            try await woken
            #expect(semaphore.value == 0 && semaphore.waiterCount == 0)

            try await Interop.whileHelper(["semaphore-glibc-wait", name], says: "waiting") { child in
                while semaphore.waiterCount == 0 { try await Task.sleep(for: .milliseconds(1)) }
                _ = try await Command(
                    .path(helperPath), arguments: ["semaphore-post", name],
                    options: .init(environment: .inherit.updating([KillPoints.variable: "posix semaphore posted:1"]))
                ).output()
                try await Task.sleep(for: .seconds(2))
                // One that was not asleep yet has seen the count by itself, and may be about to.
                let isAsleep = try child.exitStatusIfEnded() == nil
                if isAsleep { try semaphore.post() }
                #expect(try await child.exitStatus(until: .after(.seconds(60))).isSuccess)
                #expect(semaphore.value == (isAsleep ? 1 : 0))
            }
        }
    }

    /// A task waits before a C program does, gives up, and its semaphore goes: the next post is for the C program.
    @Test func whoIsGoneTakesNoWakeUpOfOthers() async throws {
        try await withName { name in
            let semaphore = try POSIXSemaphore(named: name, .create)
            func waiting() throws -> Task<IPCError.Code?, Never> {
                let other = try POSIXSemaphore(named: name, .open)
                return Task { await Interop.code { try await other.wait(until: .after(.seconds(60))) } }
            }
            for _ in 0..<3 {
                let early = try waiting()
                while semaphore.waiterCount < 1 { try await Task.sleep(for: .milliseconds(1)) }
                try await withChildProcess(
                    .path(Interop.helperPath), arguments: ["semaphore-glibc-wait", name],
                    options: ChildProcess.Options(standardOutput: .pipe)
                ) { child in
                    var lines = try child.standardOutput.lines.makeAsyncIterator()
                    #expect(try await lines.next() == "waiting")
                    while semaphore.waiterCount < 2 { try await Task.sleep(for: .milliseconds(1)) }
                    // It sleeps by then, behind the thread that watches for the task.
                    try await Task.sleep(for: .milliseconds(50))
                    early.cancel()
                    #expect(await early.value == .cancelled)
                    try semaphore.post()
                    let status = try? await child.exitStatus(until: .after(.seconds(60)))
                    #expect(status?.isSuccess == true)
                    _ = try? await child.kill()
                }
            }
        }
    }

    @Test func livesInARegion() async throws {
        let region = try SharedMemory(byteCount: 256)
        let semaphore = try POSIXSemaphore(in: region, at: 64, initialValue: 1)
        let same = try POSIXSemaphore(attachedTo: region, at: 64)
        #expect(same.tryWait())
        #expect(semaphore.value == 0)
        #expect(await Interop.code { _ = try POSIXSemaphore(attachedTo: region, at: 0) } == .typeMismatch)
        #expect(await Interop.code { _ = try POSIXSemaphore(in: region, at: 4, initialValue: 1) } == .invalidArgument)
        #expect(await Interop.code { _ = try POSIXSemaphore(in: region, at: 232, initialValue: 1) } == .invalidArgument)
        #expect(await Interop.code { _ = try POSIXSemaphore(in: region, at: 0, initialValue: -1) } == .invalidArgument)
        let full = try POSIXSemaphore(in: region, at: 0, initialValue: POSIXSemaphore.maximumValue)
        #expect(await Interop.code { try full.post() } == .resourceExhausted)
    }

    /// A program that knows nothing of this library: sem_open(3), sem_wait(3) and sem_post(3) of the C library, in turns
    /// with ours, so each side is woken by the other.
    @Test func anotherProgramWakesAndIsWoken() async throws {
        try await withName { name in
            let ping = try POSIXSemaphore(named: name, .create)
            defer { try? POSIXSemaphore.remove(named: name + "-back") }
            let program = """
                import ctypes
                c=ctypes.CDLL(None,use_errno=True); c.sem_open.restype=ctypes.c_void_p
                a=ctypes.c_void_p(c.sem_open(b'/\(name)',0))
                b=ctypes.c_void_p(c.sem_open(b'/\(name)-back',0o100,0o600,0))
                print('ready',flush=True)
                for i in range(300):
                    while c.sem_wait(a)!=0: pass
                    c.sem_post(b)
                print('over',flush=True)
                """
            try await withChildProcess(
                .name("python3"), arguments: ["-c", program],
                options: ChildProcess.Options(standardOutput: .pipe)
            ) { child in
                var lines = try child.standardOutput.lines.makeAsyncIterator()
                #expect(try await lines.next() == "ready")
                let pong = try POSIXSemaphore(named: name + "-back", .open)
                for _ in 0..<300 {
                    try ping.post()
                    try await pong.wait(until: .after(.seconds(60)))
                }
                #expect(try await lines.next() == "over")
                #expect(try await child.exitStatus(until: .after(.seconds(60))).isSuccess)
                #expect(ping.value == 0 && pong.value == 0 && ping.waiterCount == 0 && pong.waiterCount == 0)
            }
        }
    }

    @Test func badNamesAreRefused() async {
        for name in ["", "/", "a/b", String(repeating: "x", count: 251)] {
            #expect(await Interop.code { _ = try POSIXSemaphore(named: name) } == .invalidName, "\(name)")
        }
    }
}
