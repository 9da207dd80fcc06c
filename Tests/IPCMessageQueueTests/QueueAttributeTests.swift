import IPCMessageQueue
import IPCSharedMemory
import TestSupport
import Testing

/// A queue that is found and was made for something else is refused, and the error says in what it differs.
@Suite(.watched) struct QueueAttributeTests {
    private func expect(_ error: IPCError?, _ text: String, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(error?.code == .typeMismatch, sourceLocation: sourceLocation)
        #expect(error?.message.contains(text) == true, "\(String(describing: error))", sourceLocation: sourceLocation)
    }

    @Test func aSharedQueueIsWhatItWasMadeFor() async throws {
        let options = SharedQueueOptions(
            capacity: .bounded(messages: 10, byteCount: 1 << 16), maximumMessageSize: 100, blockSize: 256,
            maximumDeliveries: 3, maximumProcesses: 8)
        try await withNamedQueue(options) { _, name in
            func error(_ change: (inout SharedQueueOptions) -> Void) async -> IPCError? {
                var other = options
                change(&other)
                return await failure { try await SharedQueue(at: .named(name), .openOrCreate, options: other) }
            }
            expect(await error { $0.capacity = .rendezvous }, "it is bounded, not a rendezvous")
            expect(await error { $0.capacity = .growing(maximumByteCount: 1 << 16) }, "it is bounded, not growing")
            expect(await error { $0.capacity = .bounded(messages: 11, byteCount: 1 << 16) }, "10 messages, not 11")
            expect(await error { $0.capacity = .bounded(messages: 10, byteCount: 1 << 17) }, "65536 bytes of memory")
            expect(await error { $0.maximumMessageSize = 101 }, "up to 100 bytes, not 101")
            expect(await error { $0.blockSize = 128 }, "blocks have 256 bytes, not 128")
            expect(await error { $0.maximumDeliveries = nil }, "given out 3 times, not without end")
            expect(await error { $0.maximumProcesses = 9 }, "for 8 processes, not 9")
            let same = await error { _ in }
            #expect(same == nil, "\(String(describing: same))")
            let blocking = try await onThread { () -> IPCError? in
                do throws(IPCError) {
                    _ = try SharedQueue(blockingAt: .named(name), .openOrCreate)
                    return nil
                } catch {
                    return error
                }
            }
            expect(blocking, "not 8192")
            // Who takes it as it is may.
            #expect(try await SharedQueue(at: .named(name), .open, until: soon).guarantees.maximumMessageSize == 100)
        }
    }

    @Test func aMailboxIsWhatItWasMadeFor() async throws {
        let work = MailboxOptions.smallWork(.suspend)
        try await withMailbox(work) { _, name in
            func error(_ change: (inout MailboxOptions) -> Void) async -> IPCError? {
                var other = work
                change(&other)
                return await failure { try await Mailbox(named: name, .openOrCreate, options: other) }
            }
            expect(await error { $0.delivery = .broadcast }, "workSharing")
            expect(await error { $0.whenFull = .fail }, "suspend when full, not workSharing and fail")
            expect(await error { $0.capacity = .bounded(messages: 5) }, "4 messages, not 5")
            expect(await error { $0.maximumMessageSize = 300 }, "up to 224 bytes, not 324")
            expect(await error { $0.maximumDeliveries = 1 }, "given out 5 times, not 1 times")
            expect(await error { $0.maximumProcesses = 2 }, "for 64 processes, not 2")
            let same = await error { _ in }
            #expect(same == nil, "\(String(describing: same))")
        }
        try await withMailbox(.smallBroadcast()) { _, name in
            func error(_ change: (inout MailboxOptions) -> Void) async -> IPCError? {
                var other = MailboxOptions.smallBroadcast()
                change(&other)
                return await failure { try await Mailbox(named: name, .openOrCreate, options: other) }
            }
            expect(await error { $0.whenFull = .dropOldest }, "broadcast and suspend when full")
            expect(await error { $0.capacity = .bounded(messages: 5) }, "4 messages, not 5")
            expect(await error { $0.maximumMessageSize = 300 }, "up to 200 bytes, not 300")
            expect(await error { $0.maximumReceivers = 3 }, "for 64 receivers, not 3")
            expect(await error { $0.maximumProcesses = 2 }, "for 64 processes, not 2")
            let same = await error { _ in }
            #expect(same == nil, "\(String(describing: same))")
        }
    }
}
