public import IPCCore
import IPCParticipants
import IPCSharedMemory
import IPCSystem

/// A place with a name that any number of processes send to and receive from, without knowing each other and without being
/// there at the same time: indirect addressing.
///
/// ```swift
/// // Shared work: each message goes to one receiver
/// let jobs = try await Mailbox(named: "jobs", .openOrCreate)
/// try await jobs.send(QueueMessage(payload: Array("report.pdf".utf8), priority: 5))
///
/// // Broadcast: each message goes to all
/// let news = try await Mailbox(named: "news", .openOrCreate, options: MailboxOptions(delivery: .broadcast))
/// try await news.join(from: .last(10))
/// for try await message in news.incoming { print(String(decoding: message.payload, as: UTF8.self)) }
///
/// // Request and reply
/// let answer = try await jobs.request(Array("how many?".utf8), until: .after(.seconds(5)))
/// // and on the other side
/// let question = try await jobs.receive(.any)
/// try await question.reply(Array("three".utf8))
/// ```
///
/// | | shared work | broadcast |
/// |---|---|---|
/// | a message goes to | one receiver, whoever asks first | every receiver |
/// | order | by priority (0 to 63), then first in, first out | first in, first out, the same for all |
/// | receivers that come late | get what nobody has taken | choose: ``join(from:until:)`` |
/// | selection by type | takes what matches, leaves the rest | passes over what does not match |
/// | full | of messages that nobody has taken | of messages that the slowest living receiver has yet to get |
/// | a receiver dies | leases come back (``withLease(_:until:_:)``) | it holds nobody back any more |
///
/// - **What happens when it is full** is chosen when it is made, and visible: ``whenFull``.
/// - **Death.** Any process may be killed at any instant: a message is there as a whole or not at all, of a broadcast for all
///   or for none; nobody waits for the dead; their room is free again.
/// - **Objects.** Of a broadcast every object that receives has its own place in the order; tasks that share an object share
///   its messages. An object that only sends holds nobody back. `finish` and ``close()`` concern the object alone.
/// - **Lifetime.** It stays until it is removed (``remove(named:)``) or the machine stops, also when no process has it open.
/// - **Waiting** costs a task no thread, and a deadline or a cancellation that is thrown has sent or taken nothing.
/// - **Trust.** Whoever may write the memory can break the mailbox, and read every message. Nothing in it makes this process
///   trap or read elsewhere. The permissions are the owner's alone unless more is asked for.
public final class Mailbox: MessageQueue {
    /// A message with its label.
    public typealias Inbound = QueueMessage<[UInt8]>
    /// A message with its label.
    public typealias Outbound = QueueMessage<[UInt8]>

    enum Kind: Sendable {
        case work(SharedQueue)
        case broadcast(MailLogCore)
    }

    let kind: Kind
    let words: MailboxWords
    let replies: ReplyDesk
    /// Its name.
    public let name: String
    /// Whether it was made by this object.
    public let wasCreated: Bool
    /// The largest message in bytes.
    public let maximumMessageSize: Int

    /// Who gets a message.
    public var delivery: MailboxDelivery { words.delivery }
    /// What happens when it is full.
    public var whenFull: MailboxOverflow { words.overflow }
    /// How many messages were dropped because it was full, since it was made, by whatever sender.
    public var droppedCount: UInt64 { words.dropped.loadAcquiring() }

    /// Makes or finds a mailbox, and takes part in it. An object that is to receive a broadcast from some point on joins
    /// (``join(from:until:)``); else it joins with its first `receive`.
    ///
    /// - Parameters:
    ///   - name: of at most 240 bytes, without a slash; mailboxes and named regions share one space of names.
    ///   - intent: whether to make it.
    ///   - deadline: until when to try to take part.
    ///   - options: how it is made. One that is found must have been made with the same, unless `intent` is `.open`.
    /// - Throws: `.alreadyExists`, `.notFound`, `.invalidName`; `.permissionDenied`; `.invalidArgument` for options that
    ///   contradict each other; `.resourceExhausted` when memory, or places for processes, are short; `.typeMismatch` for one
    ///   that is found and was made with other options, and for something else of that name; `.wrongVersion`,
    ///   `.wrongMagic`, `.protocolViolation`; `.timedOut`, `.cancelled`, mostly because somebody was stopped while he came
    ///   or went.
    public convenience init(
        named name: String, _ intent: CreationIntent = .openOrCreate, options: MailboxOptions = MailboxOptions(),
        until deadline: Deadline = .never
    ) async throws(IPCError) {
        let (memory, words) = try Self.open(name, intent, options)
        let kind: Kind
        do throws(IPCError) {
            switch words.delivery {
            case .workSharing: kind = .work(try await SharedQueue(memory, until: deadline))
            case .broadcast:
                let participant = try await Participant.attach(
                    to: memory.memory, file: try Self.file(of: memory), slotCount: memory.slotCount, until: deadline)
                kind = .broadcast(try MailLogCore(memory, participant))
            }
        } catch {
            memory.abandon()
            throw error
        }
        self.init(name, kind, words, options, wasCreated: memory.wasCreated)
    }

    /// The same on a thread that may block, and in the child of a fork.
    public convenience init(
        blockingNamed name: String, _ intent: CreationIntent = .openOrCreate,
        options: MailboxOptions = MailboxOptions(), until deadline: Deadline = .never
    ) throws(IPCError) {
        let (memory, words) = try Self.open(name, intent, options)
        let kind: Kind
        do throws(IPCError) {
            switch words.delivery {
            case .workSharing: kind = .work(try SharedQueue(blocking: memory, until: deadline))
            case .broadcast:
                let participant = try Participant.attachBlocking(
                    to: memory.memory, file: try Self.file(of: memory), slotCount: memory.slotCount, until: deadline)
                kind = .broadcast(try MailLogCore(memory, participant))
            }
        } catch {
            memory.abandon()
            throw error
        }
        self.init(name, kind, words, options, wasCreated: memory.wasCreated)
    }

    private init(_ name: String, _ kind: Kind, _ words: MailboxWords, _ options: MailboxOptions, wasCreated: Bool) {
        (self.name, self.kind, self.words, self.wasCreated) = (name, kind, words, wasCreated)
        maximumMessageSize = Self.largest(kind)
        replies = ReplyDesk(options.memory, maximumMessageSize)
    }

    deinit { close() }

    private static func largest(_ kind: Kind) -> Int {
        switch kind {
        case .work(let queue): max(0, queue.shape.maximumMessageSize - ReturnAddress.byteCount)
        case .broadcast(let core): core.log.shape.maximumMessageSize
        }
    }

    /// Keeps the order of each sender within a priority. Lossless where a full mailbox drops nothing.
    public var guarantees: ChannelGuarantees {
        let capacity =
            switch kind {
            case .work(let queue): queue.guarantees.messageCapacity
            // Without a receiver the oldest messages go.
            case .broadcast: nil as Int?
            }
        return ChannelGuarantees(
            topology: .queue, direction: .both, isLossless: whenFull == .suspend || whenFull == .fail,
            detectsPeerDeath: false, tellsFinishFromDeath: false, maximumMessageSize: maximumMessageSize,
            messageCapacity: capacity)
    }

    /// Ends sending through this object. What was sent is there; everybody else's objects stay.
    public func finish(until deadline: Deadline) async throws(IPCError) {
        switch kind {
        case .work(let queue): try await queue.finish(until: deadline)
        case .broadcast(let core):
            try core.checkOpen("finish")
            core.finish()
        }
    }

    /// Lets go of the mailbox, which stays. Idempotent, never waits; whoever waits on this object gets `.closed`, and who
    /// replies to a request of this object `.peerClosed`.
    public func close() {
        switch kind {
        case .work(let queue): queue.close()
        case .broadcast(let core): core.close()
        }
        replies.close()
    }
}
