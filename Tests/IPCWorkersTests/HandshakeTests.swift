import IPCWorkers
import TestSupport
import Testing

@Suite(.watched) struct HandshakeTests {
    @Test func programThatNeverSpeaks() async throws {
        let options = WorkerPoolOptions(
            executable: "/bin/sleep", arguments: ["600"], handshakeTimeout: .milliseconds(200))
        let error = try await withHelperPool(options: options) { pool async throws in
            await thrown { try await pool.run(Noop()) } as? IPCError
        }
        #expect(error?.code == .handshakeFailed)
        #expect(error?.object == "/bin/sleep")
        #expect(error?.message.contains("Worker.serveIfSpawned") == true)
    }

    @Test func programThatEndsAtOnce() async throws {
        let error = try await withHelperPool(options: WorkerPoolOptions(executable: "/bin/true")) { pool async throws in
            await thrown { for try await _ in pool.map([Noop(), Noop()]) {} } as? IPCError
        }
        #expect(error?.code == .handshakeFailed)
        #expect(error?.message.contains("exited with 0") == true)
    }

    @Test func programThatComplains() async throws {
        let options = WorkerPoolOptions(
            executable: "/bin/sh", arguments: ["-c", "echo no such thing >&2; exit 3"], standardError: .discarded)
        let error = try await withHelperPool(options: options) { pool async throws in
            await thrown { try await pool.run(Noop()) } as? IPCError
        }
        #expect(error?.code == .handshakeFailed)
        #expect(error?.message.contains("no such thing") == true)
        #expect(error?.message.contains("exited with 3") == true)
    }

    @Test func programThatIsNotThere() async throws {
        try await withHelperPool(options: WorkerPoolOptions(executable: "/nonexistent/worker")) { pool async throws in
            for _ in 0..<2 {
                let error = await code { try await pool.run(Noop()) }
                #expect(error == .notFound)
            }
        }
    }

    @Test func poolThatIsNeverUsed() async throws {
        let value = try await withHelperPool(options: WorkerPoolOptions(executable: "/bin/true")) { _ in 5 }
        #expect(value == 5)
    }

    @Test func workerHasNoPoolOfItsOwn() async throws {
        try await withHelperPool { pool async throws in
            #expect(try await pool.run(Recursion()) == "unsupported")
        }
    }

    /// A program that opens a pool of itself and never serves: its workers refuse to have workers.
    @Test func programThatDoesNotServeDoesNotMultiply() async throws {
        let output = try await Command(
            .path(helperPath), arguments: ["pool-without-serve"],
            options: .init(environment: .inherit.updating(["HELPER_SERVES_NOT": "1"]))
        ).output(until: .after(.seconds(200)))
        // The workers write what they were refused with to the same output.
        #expect(Set(output.lines) == ["unsupported", "handshakeFailed"])
        #expect(output.lines.count <= 3)
    }

    @Test func workerMakesItselfReady() async throws {
        var options = WorkerPoolOptions.helper
        options.setUpArgument = "a database"
        try await withHelperPool(1, options: options) { pool async throws in
            #expect(try await pool.run(SetUpState()) == "a database of worker 0")
        }
    }

    @Test func workerThatCannotMakeItselfReady() async throws {
        var options = WorkerPoolOptions.helper
        options.setUpArgument = "fail"
        let error = try await withHelperPool(options: options) { pool async throws in
            await thrown { try await pool.run(Noop()) } as? IPCError
        }
        #expect(error?.code == .handshakeFailed)
        #expect(error?.message.contains("there is no such database") == true)
    }

    @Test func workerThatMakesItselfReadyForTooLong() async throws {
        var options = WorkerPoolOptions.helper
        options.setUpArgument = "hang"
        options.handshakeTimeout = .milliseconds(500)
        let error = try await withHelperPool(1, options: options) { pool async throws in
            await thrown { try await pool.run(Noop()) } as? IPCError
        }
        #expect(error?.code == .handshakeFailed)
    }

    /// A worker of another version of the library: the error names both.
    @Test func workerOfAnotherVersion() async throws {
        var options = WorkerPoolOptions.helper
        options.arguments = ["worker-of-another-version"]
        options.environment = .inherit.updating(["HELPER_SERVES_NOT": "1"])
        let error = try await withHelperPool(options: options) { pool async throws in
            await thrown { try await pool.run(Noop()) } as? IPCError
        }
        #expect(error?.code == .handshakeFailed)
        #expect(error?.message.contains("it speaks version 99") == true, "\(String(describing: error))")
        #expect(error?.message.contains("this process version \(CallWire.version):") == true)
        #expect(error?.message.contains("the pool speaks version \(CallWire.version)") == true)
    }
}
