import IPCMessageQueue
import IPCSharedMemory
import IPCSystem
public import IPCTestKit

/// The kernel's queues, as the conformance suite sees them: two objects before one place.
extension ConformanceTransport {
    /// POSIX queues, whose names are gone as soon as they are open. Small: RLIMIT_MSGQUEUE bounds all of a user together.
    public static var posixQueue: ConformanceTransport {
        queue(
            "POSIX queue",
            ChannelGuarantees(
                topology: .queue, detectsPeerDeath: false, tellsFinishFromDeath: false, maximumMessageSize: 4096,
                messageCapacity: 5),
            makePair: {
                let name = "/ipc-conformance-\(ProcessFacts.processID)-\(UInt64.random(in: 0 ... .max))"
                let options = POSIXQueueOptions(capacity: 5, maximumMessageSize: 4096)
                let near = try POSIXMessageQueue(named: name, .create, options: options)
                defer { try? POSIXMessageQueue.remove(named: name) }
                return (near, try POSIXMessageQueue(named: name, .open, options: options))
            },
            receive: { try POSIXMessageQueue.receive($0) })
    }

    /// System V queues without a key; ``SystemVLeftovers`` removes them.
    public static var systemVQueue: ConformanceTransport {
        queue(
            "System V queue",
            ChannelGuarantees(
                topology: .queue, detectsPeerDeath: false, tellsFinishFromDeath: false, maximumMessageSize: 8192),
            makePair: {
                let near = try SystemVMessageQueue.makePrivate()
                SystemVLeftovers.shared.add(near.identifier)
                return (near, try SystemVMessageQueue(identifier: near.identifier))
            },
            receive: { try SystemVMessageQueue.receive($0) })
    }

    /// Queues in shared memory, small enough to be full now and then.
    public static var sharedQueue: ConformanceTransport {
        let options = SharedQueueOptions(capacity: .bounded(messages: 16), maximumMessageSize: 20_000)
        return queue(
            "shared queue",
            ChannelGuarantees(
                topology: .queue, detectsPeerDeath: false, tellsFinishFromDeath: false, maximumMessageSize: 20_000,
                messageCapacity: 16),
            makePair: {
                let near = try SharedQueue(blockingAt: .anonymous, options: options)
                return (near, try SharedQueue.receive(try near.transfer()))
            },
            receive: { try SharedQueue.receive($0) })
    }

    /// Queues that hold nothing: a message is sent when somebody has taken it.
    public static var rendezvousQueue: ConformanceTransport {
        let options = SharedQueueOptions(capacity: .rendezvous, maximumMessageSize: 20_000)
        var transport = queue(
            "rendezvous queue",
            ChannelGuarantees(
                topology: .queue, detectsPeerDeath: false, tellsFinishFromDeath: false, maximumMessageSize: 20_000,
                messageCapacity: 0),
            makePair: {
                let near = try SharedQueue(blockingAt: .anonymous, options: options)
                return (near, try SharedQueue.receive(try near.transfer()))
            },
            receive: { try SharedQueue.receive($0) })
        for topic: ConformanceTopic in [
            .tryForms, .inPlaceForms, .batchForms, .passedDeadlines, .finish, .death, .hostileInput, .independence,
            .manyChannels, .census,
        ] {
            if transport.declined[topic] == nil {
                transport.declined[topic] = "nothing has room: SharedQueueRoomTests send to somebody who receives"
            }
        }
        return transport
    }

    /// Queues that get more memory as messages come, of which there is enough.
    public static var growingQueue: ConformanceTransport {
        let options = SharedQueueOptions(
            capacity: .growing(maximumByteCount: 64 << 20), maximumMessageSize: 20_000)
        return queue(
            "growing queue",
            ChannelGuarantees(
                topology: .queue, detectsPeerDeath: false, tellsFinishFromDeath: false, maximumMessageSize: 20_000),
            makePair: {
                let near = try SharedQueue(blockingAt: .anonymous, options: options)
                return (near, try SharedQueue.receive(try near.transfer()))
            },
            receive: { try SharedQueue.receive($0) })
    }

    /// Queues in files, whose names are gone as soon as they are open.
    public static var fileQueue: ConformanceTransport {
        let options = SharedQueueOptions(capacity: .bounded(messages: 16), maximumMessageSize: 20_000)
        let guarantees = ChannelGuarantees(
            topology: .queue, detectsPeerDeath: false, tellsFinishFromDeath: false, maximumMessageSize: 20_000,
            messageCapacity: 16)
        return place("queue in a file", guarantees) {
            let path = "/tmp/ipc-conformance-\(ProcessFacts.processID)-\(UInt64.random(in: 0 ... .max))"
            let near = try await SharedQueue(at: .file(path), .create, options: options)
            defer { try? SharedQueue.remove(.file(path)) }
            let far = try await SharedQueue(at: .file(path), .open)
            return ConformancePair(near.payloads(), far.payloads())
        }
    }

    /// Mailboxes whose messages go to one receiver; their names are gone as soon as they are open.
    public static var workMailbox: ConformanceTransport {
        let options = MailboxOptions(capacity: .bounded(messages: 16), maximumMessageSize: 20_000)
        let guarantees = ChannelGuarantees(
            topology: .queue, detectsPeerDeath: false, tellsFinishFromDeath: false, maximumMessageSize: 20_000,
            messageCapacity: 16)
        return place("mailbox of shared work", guarantees) {
            let (near, far) = try await mailboxes(options)
            return ConformancePair(near.payloads(), far.payloads())
        }
    }

    /// Mailboxes whose messages go to all, of whom there is one, who holds the sender back.
    public static var broadcastMailbox: ConformanceTransport {
        let options = MailboxOptions(
            delivery: .broadcast, capacity: .bounded(messages: 16), maximumMessageSize: 20_000)
        let guarantees = ChannelGuarantees(
            topology: .queue, detectsPeerDeath: false, tellsFinishFromDeath: false,
            maximumMessageSize: 20_000)
        return place("broadcast mailbox", guarantees) {
            let (near, far) = try await mailboxes(options)
            try await far.join(from: .onlyNew)
            return ConformancePair(near.payloads(), far.payloads())
        }
    }

    private static func mailboxes(_ options: MailboxOptions) async throws -> (Mailbox, Mailbox) {
        let name = "ipc-conformance-\(ProcessFacts.processID)-\(UInt64.random(in: 0 ... .max))"
        let near = try await Mailbox(named: name, .create, options: options)
        defer { try? Mailbox.remove(named: name) }
        return (near, try await Mailbox(named: name, .open))
    }

    /// What is found by its name alone.
    private static func place(
        _ name: String, _ guarantees: ChannelGuarantees,
        makePair: @escaping @Sendable () async throws -> ConformancePair
    ) -> ConformanceTransport {
        var transport = ConformanceTransport(name, guarantees: guarantees, makePair: makePair)
        for topic: ConformanceTopic in [.death, .peerGone] {
            transport.declined[topic] = "a place: nobody sees who comes and goes"
        }
        for topic: ConformanceTopic in [.cutFrames, .hostileInput] {
            transport.declined[topic] =
                "messages lie in memory; MailboxTests and SharedQueueDeathTests have a hostile writer"
        }
        for topic in ConformanceTopic.allCases where topic.rawValue.hasPrefix("remote") {
            transport.declined[topic] =
                "it has a name; MailboxDeathTests and SharedQueueDeathTests have other processes"
        }
        return transport
    }

    private static func queue<Queue: MessageQueue & DescriptorTransferable>(
        _ name: String, _ guarantees: ChannelGuarantees,
        makePair: @escaping @Sendable () throws -> (Queue, Queue),
        receive: @escaping @Sendable (TransferredDescriptors) throws -> Queue
    ) -> ConformanceTransport {
        var transport = ConformanceTransport(name, guarantees: guarantees) {
            let (near, far) = try makePair()
            return ConformancePair(near.payloads(), far.payloads())
        }
        for topic: ConformanceTopic in [.death, .peerGone, .remoteEcho, .remoteDeath, .remotePeerGone] {
            transport.declined[topic] = "a queue is a place: nobody sees who comes and goes"
        }
        for topic: ConformanceTopic in [.cutFrames, .hostileInput, .remoteCutFrames] {
            transport.declined[topic] = "the kernel keeps the messages: there is no stream of bytes"
        }
        transport.remote = ConformanceRemote(
            program: PeerProgram.path,
            makeEnd: { _ in
                let (near, far) = try makePair()
                return (ConformanceEnds(near.payloads()), try far.transfer())
            },
            openEnd: { ConformanceEnds(try receive($0).payloads()) })
        return transport
    }
}

/// The queues that the suite made, which closing does not remove.
public final class SystemVLeftovers: Sendable {
    /// Those of this process.
    public static let shared = SystemVLeftovers()

    private let identifiers = Lock<[Int32]>([])

    func add(_ identifier: Int32) { identifiers.withLock { $0.append(identifier) } }

    /// Removes all of them: after a case.
    public func removeAll() {
        let all = identifiers.withLock { identifiers -> [Int32] in
            let all = identifiers
            identifiers = []
            return all
        }
        for identifier in all { try? SystemVMessageQueue.remove(identifier: identifier) }
    }
}
