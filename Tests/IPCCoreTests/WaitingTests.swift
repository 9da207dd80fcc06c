import IPCSystem
import TestSupport
import Testing

@testable import IPCCore

@Suite(.watched) struct WaitingTests {
    @Test func deadlineOfALockEndsTheWait() async throws {
        let lock = TaskLock()
        #expect(lock.tryAcquire())
        await #expect(throws: IPCError.timedOut("test")) {
            try await lock.acquire(until: .after(.milliseconds(20)), "test")
        }
        #expect(!lock.release())
        #expect(lock.tryAcquire())
    }

    @Test func cancellationEndsAWaitThatLasts() async throws {
        let lock = TaskLock()
        #expect(lock.tryAcquire())
        let task = Task { try await lock.acquire(until: .never, "test") }
        try await Task.sleep(for: .milliseconds(20))
        task.cancel()
        await #expect(throws: IPCError.cancelled("test")) { try await task.value }
    }

    @Test func readinessEndsAWait() async throws {
        let pipe = try DescriptorCalls.makePipe()
        defer {
            closeDescriptor(pipe.reading)
            closeDescriptor(pipe.writing)
        }
        let registration = try WaitEngine.shared.register(pipe.reading)
        for round in 0..<100 {
            let preference: IPCExecutor? = round % 2 == 0 ? IPCExecutor.shared : nil
            let waiter = Task(executorPreference: preference) { try await nextByte(pipe.reading, registration) }
            if round % 3 == 0 { await Task.yield() }
            let sent = UInt8(round)
            try put(sent, pipe.writing)
            #expect(try await waiter.value == sent)
        }
        WaitEngine.shared.unregister(registration)
    }
}

private func put(_ byte: UInt8, _ number: Int32) throws {
    var byte = byte
    let written = try unsafe withUnsafeBytes(of: &byte) { try unsafe DescriptorCalls.write(number, $0) }
    #expect(written == 1)
}

private func takeByte(_ number: Int32) throws -> UInt8? {
    var byte: UInt8 = 0
    let count = try unsafe withUnsafeMutableBytes(of: &byte) { try unsafe DescriptorCalls.read(number, into: $0) }
    return count == 1 ? byte : nil
}

private func nextByte(_ number: Int32, _ registration: Registration) async throws -> UInt8 {
    var byte = try takeByte(number)
    while byte == nil {
        try await registration.waitReadable(until: .never, "test")
        byte = try takeByte(number)
    }
    return byte!
}
