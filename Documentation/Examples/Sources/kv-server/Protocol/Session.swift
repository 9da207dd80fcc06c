import IPCSync

/// What one client has said and is to be told: bytes in, answers out, nothing of sockets.
///
/// All whole commands of a read are done at once, and their answers leave in one write. What cannot be done at once ends such
/// a run (``Pause``): then the caller calls ``goOn()``.
struct Session {
    enum Pause: Equatable {
        /// All is done; more has to come.
        case needsInput
        /// There are enough answers for one write.
        case repliesFull
        /// Somebody else has had this stripe for long, or died with it.
        case stripe(Int)
        /// A command that goes through several stripes: its words are in ``words``.
        case manyStripes(CommandName)
        /// After the answers the connection is to be closed.
        case end
    }

    /// Answers beyond so many bytes are sent before more is done.
    static let fullReplies = 64 << 10

    let store: Store
    let worker: WorkerFacts
    private(set) var pause = Pause.needsInput
    var replies = Replies()
    /// The words of a command that goes through several stripes.
    private(set) var words: [[UInt8]] = []
    private var reader: CommandReader
    /// What was not done yet: the beginning of a command, mostly.
    private var carry: [UInt8] = []
    /// How long that must be before it pays to look.
    private var needed = 0
    private var lastName: UInt64 = 0
    private var lastCommand = CommandName.ping
    private var now: UInt64 = 0

    init(_ store: Store, _ worker: WorkerFacts) {
        self.store = store
        self.worker = worker
        reader = CommandReader(limits: CommandReader.Limits(largestEntry: store.shape.largestEntry))
    }

    /// Whether all is done that has come.
    var isBetweenCommands: Bool { carry.isEmpty }

    /// Does what is whole in `bytes`, and keeps the rest.
    mutating func take(_ bytes: RawSpan) {
        bytes.withUnsafeBytes { bytes in
            if carry.isEmpty {
                var position = 0
                run(bytes, &position)
                if position < bytes.count { carry.append(contentsOf: bytes[position...]) }
            } else {
                carry.append(contentsOf: bytes)
                runCarry()
            }
        }
    }

    /// Goes on after a pause other than for input, or the end.
    mutating func goOn() async throws(IPCError) {
        switch pause {
        case .needsInput, .end: return
        case .repliesFull: break
        case .stripe(let stripe):
            do throws(IPCError) {
                try await store.wait(for: stripe)
            } catch {
                // The command that needs it will hear the same, and say so.
                guard error.code == .poisoned else { throw error }
            }
        case .manyStripes(let command): try await perform(command)
        }
        runCarry()
    }

    private mutating func runCarry() {
        guard carry.count >= needed else {
            pause = .needsInput
            return
        }
        // Out of `self` for the while, of which nobody else has a part then.
        var bytes = carry
        carry = []
        var position = 0
        bytes.withUnsafeBytes { run($0, &position) }
        if position == bytes.count {
            bytes.removeAll(keepingCapacity: bytes.capacity <= 1 << 20)
        } else if position > 0 {
            bytes.removeSubrange(..<position)
        }
        carry = bytes
    }

    /// Does command after command until a pause.
    private mutating func run(_ bytes: UnsafeRawBufferPointer, _ position: inout Int) {
        now = StoreClock.milliseconds
        needed = 0
        var done = 0
        defer { worker.count(commands: done) }
        while true {
            guard replies.count < Self.fullReplies else {
                pause = .repliesFull
                return
            }
            let start = position
            switch reader.next(bytes, &position) {
            case .incomplete(let count):
                needed = count - start
                pause = .needsInput
                return
            case .violation(let text):
                replies.error("ERR Protocol error: \(text)")
                pause = .end
                position = bytes.count
                return
            case .command:
                guard reader.count > 0 else { continue }
                if let pause = execute() {
                    self.pause = pause
                    if case .stripe = pause { position = start } else { done += 1 }
                    return
                }
                done += 1
            }
        }
    }

    // MARK: One command

    /// A word of the command; 0 is its name.
    func argument(_ index: Int) -> UnsafeRawBufferPointer { reader.argument(index) }

    var argumentCount: Int { reader.count }

    /// Does the command that was read; nil when it is done.
    private mutating func execute() -> Pause? {
        let name = CommandName.pack(argument(0))
        if name != lastName || name == 0 {
            guard let command = CommandName.byName[name] else {
                replies.error("ERR unknown command '\(text(argument(0)))'")
                return nil
            }
            lastName = name
            lastCommand = command
        }
        let command = lastCommand
        guard command.takes(reader.count) else {
            replies.error("ERR wrong number of arguments for '\(command.text)' command")
            return nil
        }
        switch command {
        case .get, .set, .incr, .decr, .incrBy, .decrBy, .ttl, .pttl, .expire, .pexpire, .persist:
            return executeOnKey(command)
        case .del, .exists:
            if reader.count == 2 { return executeOnKey(command) }
            words = (0..<reader.count).map { Array(argument($0)) }
            return .manyStripes(command)
        case .dbSize, .flushDB, .flushAll, .info:
            return .manyStripes(command)
        case .quit:
            replies.ok()
            return .end
        default:
            answer(command)
            return nil
        }
    }

    /// Does a command that needs one stripe alone.
    private mutating func executeOnKey(_ command: CommandName) -> Pause? {
        let key = argument(1)
        guard let operation = KeyOperation(command, reader, now: now, &replies) else { return nil }
        let hash = store.hash(key)
        let stripe = store.stripe(of: hash)
        let answered = replies.count
        do throws(IPCError) {
            guard
                try store.with(stripe, { memory in operation.run(memory, key, hash, now: now, &replies) }) != nil
            else { return .stripe(stripe) }
        } catch {
            // Each command has one answer: also one that was done when the lock turned out to be lost.
            replies.cut(to: answered)
            replies.error("ERR the store: \(error)")
        }
        return nil
    }

    /// A word of a command in an error: not all of a long one.
    func text(_ word: UnsafeRawBufferPointer) -> String { String(decoding: word.prefix(128), as: UTF8.self) }
}
