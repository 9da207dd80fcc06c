import IPCSystem
import Synchronization

/// The receiving end of a byte stream: cuts it into messages (`StreamFraming`) and waits for them.
///
/// One task at a time is the receiver; others queue behind the lock, first come first served. What the lock protects is
/// marked below.
@usableFromInline
package final class StreamReceiver: @unchecked Sendable {
    /// Why there is nothing to receive, or not in the usual way.
    enum Ending {
        case finished
        case failed(IPCError)
        /// Nothing has come yet from a peer that has a certain time for it. It stands here because everybody who receives
        /// looks here, so that the messages behind the first one pay nothing for it.
        case unbegun(StreamHandshake)
    }

    /// What one step towards the next message brought.
    enum Progress {
        case message, ended, blocked
    }

    package let stream: StreamDescriptor
    package let options: StreamOptions
    let shortReadMeansEmpty: Bool
    let lock = TaskLock()
    /// Bytes were left behind the last message. A hint, for who does not have the lock.
    let mayHoldMessage = Atomic(false)

    // Protected by the lock.
    var buffer = ReceiveBuffer()
    var ending: Ending?
    var spinning = SpinPolicy()
    private var hasEndedUse = false
    /// Whether a message has been consumed.
    private(set) var hasBegun = false
    /// The stream has just broken, and the observer does not know yet.
    var isBreakUnreported = false
    var lastReadWasShort = false
    var helloCount = 0
    var endCount = 0
    /// Descriptors that arrived with bytes that have not been delivered.
    var arrivedDescriptors: ArrivedDescriptors
    /// The message that was found: its place after `buffer.start`, and its header.
    var messageOffset = 0
    var messageCount = 0
    package private(set) var messageTypeTag: UInt32 = 0
    var messageDescriptors: [Int32] = []

    package init(_ stream: StreamDescriptor, _ options: StreamOptions, handshake: StreamHandshake? = nil) {
        self.stream = stream
        self.options = options
        ending = handshake.map { .unbegun($0) }
        shortReadMeansEmpty = stream.shortReadMeansEmpty && options.maximumDescriptors == 0
        arrivedDescriptors = ArrivedDescriptors(limit: options.maximumDescriptors)
    }

    deinit { close() }

    // MARK: Receiving

    /// Takes a message that has been read already, as `begin` does but at once. False when a look at the descriptor is
    /// needed, or somebody else receives.
    ///
    /// Each `await` costs a look at the task's executor, a tenth of a small message; where bytes come in faster than they
    /// are taken, this spares it.
    @usableFromInline
    package func beginBuffered() -> Bool {
        guard mayHoldMessage.load(ordering: .relaxed), lock.tryAcquire() else { return false }
        // What is wrong with the next frame is thrown by `begin`.
        if ending == nil, (try? parse()) == true { return true }
        mayHoldMessage.store(false, ordering: .relaxed)
        release()
        return false
    }

    /// Waits for a message. When it returns true the caller holds the message: it reads `message` and then calls `end`.
    ///
    /// - Returns: false when the peer has finished.
    @usableFromInline
    package func begin(until deadline: Deadline) async throws(IPCError) -> Bool {
        if !lock.tryAcquire() { try await lock.acquire(until: deadline, "receive", engine: stream.engine) }
        do throws(IPCError) {
            var progress = Progress.blocked
            if deadline != .never || !isKnownToBeEmpty { progress = try advance() }
            while progress == .blocked {
                progress = try spinning.lookAgain(stream.engine) { () throws(IPCError) in try lookOnce() } ?? .blocked
                guard progress == .blocked else { break }
                if stream.registration.readable.willLast { buffer.releaseIfEmpty() }
                try await stream.registration.waitReadable(until: deadline, "receive")
                if lock.isClosed { throw .closed("receive") }
                progress = try advance()
            }
            if progress == .message {
                if spinning.takesBreak() { await Task.yield() }
                return true
            }
        } catch {
            release(after: error)
            throw error
        }
        release()
        return false
    }

    private func lookOnce() throws(IPCError) -> Progress? {
        let progress = try advance()
        return progress == .blocked ? nil : progress
    }

    /// The same without waiting: nil when there is nothing yet.
    package func tryBegin() throws(IPCError) -> Bool? {
        guard lock.tryAcquire() else {
            if lock.isClosed { throw .closed("receive") }
            return nil  // somebody waits already, and is first in line
        }
        do throws(IPCError) {
            let progress = try advance()
            if progress == .message { return true }
            release()
            return progress == .ended ? false : nil
        } catch {
            release(after: error)
            throw error
        }
    }

    /// The bytes of the message that `begin` found. They stay where they are until `end`, by the same holder.
    @usableFromInline
    package var messageBytes: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(rebasing: buffer.bytes[messageOffset..<messageOffset + messageCount])
    }

    /// Lets `body` read the message that `begin` found.
    @inlinable
    package func withMessage<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // SAFETY: the span does not outlive the call, during which the caller holds the message.
        try body(unsafe RawSpan(_unsafeBytes: messageBytes))
    }

    /// A copy of the message that `begin` found.
    @usableFromInline
    package var messageCopy: [UInt8] { unsafe Array(messageBytes) }

    /// Consumes the message and lets the next receiver go on.
    @usableFromInline
    package func end() {
        consume()
        release()
    }

    /// Consumes the message and finds the next one among the bytes that have been read.
    ///
    /// - Returns: false, and the message is over as by `end`, when there is none.
    package func nextWithinBuffer() -> Bool {
        consume()
        // What is wrong with the next frame is thrown by the next receive.
        if ending == nil, (try? parse()) == true { return true }
        release()
        return false
    }

    private func consume() {
        hasBegun = true
        if !messageDescriptors.isEmpty { closeMessageDescriptors() }
        buffer.drop(messageOffset + messageCount)
        messageOffset = 0
        messageCount = 0
        mayHoldMessage.store(buffer.count > 0, ordering: .relaxed)
    }

    // MARK: One step

    /// Whether a read would find nothing, as far as is known, and it pays to wait for the poller instead: the last read
    /// took all there was, and other descriptors are busy too. What has come since is an event at the poller.
    var isKnownToBeEmpty: Bool {
        lastReadWasShort && buffer.count == 0 && stream.engine.scheduler.isCrowded
    }

    /// Finds the next message, reading what is there.
    func advance() throws(IPCError) -> Progress {
        while true {
            switch ending {
            case .finished: return .ended
            case .failed(let error): throw error
            case .unbegun(let handshake): return try begin(handshake)
            case nil: break
            }
            do throws(IPCError) {
                if try parse() { return .message }
                if ending != nil { continue }
                guard let count = try read() else { return .blocked }
                guard count == 0 else { continue }
                switch try stream.meaningOfEmptyRead() {
                case .bytesHaveCome: continue
                case .awaitsFirstWriter: return .blocked
                case .end: try reachEnd()
                }
            } catch {
                ending = .failed(error)
                isBreakUnreported = true
                arrivedDescriptors.closeAll()
                if error.code != .peerClosed && error.code != .truncated {
                    stream.shutdown(reading: true, writing: true)
                }
                throw error
            }
        }
    }

    // MARK: Frames

    /// How many bytes in all the frame at the front needs, as far as is known.
    var wantedCount: Int {
        let bytes = unsafe buffer.bytes
        guard options.framing != .none, bytes.count >= FrameHeader.byteCount,
            helloCount > 0, let header = try? unsafe FrameHeader(bytes, limit: options.maximumMessageSize)
        else { return FrameHeader.byteCount }
        return FrameHeader.byteCount + Int(header.length)
    }

    /// Looks for a whole message among the bytes that have been read.
    private func parse() throws(IPCError) -> Bool {
        if options.framing == .none {
            messageCount = min(buffer.count, options.maximumMessageSize)
            return messageCount > 0
        }
        while true {
            let bytes = unsafe buffer.bytes
            guard bytes.count >= FrameHeader.byteCount else {
                try arrivedDescriptors.checkIncomplete(announced: nil)
                return false
            }
            let mayBeHello = helloCount == 0 || options.framing == .framesFromManyWriters
            if mayBeHello, helloCount == 0 || (unsafe Hello.begins(bytes)) {
                try unsafe Hello.check(bytes)
                helloCount += 1
                buffer.drop(Hello.byteCount)
                continue
            }
            let header = try unsafe FrameHeader(bytes, limit: options.maximumMessageSize)
            guard header.descriptorCount <= options.maximumDescriptors else {
                throw IPCError(
                    .protocolViolation,
                    "receive: the peer sent \(header.descriptorCount) descriptors and the limit is "
                        + "\(options.maximumDescriptors)")
            }
            if header.kind == .end {
                if options.maximumDescriptors > 0 { _ = try takeDescriptors(of: header) }
                buffer.drop(FrameHeader.byteCount)
                endCount += 1
                if options.framing == .framesFromManyWriters { continue }
                ending = .finished
                return false
            }
            guard bytes.count - FrameHeader.byteCount >= Int(header.length) else {
                try arrivedDescriptors.checkIncomplete(announced: Int(header.descriptorCount))
                return false
            }
            if options.maximumDescriptors > 0 { messageDescriptors = try takeDescriptors(of: header) }
            messageOffset = FrameHeader.byteCount
            messageCount = Int(header.length)
            messageTypeTag = header.typeTag
            return true
        }
    }

    // MARK: Closing

    func release() {
        if lock.release() { tearDown() }
    }

    func release(after error: IPCError) {
        let isNews = isBreakUnreported
        isBreakUnreported = false
        release()
        if isNews { stream.report(error) }
    }

    /// Closes this end. See `ChannelEnd.close`.
    package func close() {
        if lock.close() { tearDown() } else { stream.registration.readable.signal() }
    }

    private func tearDown() {
        guard !hasEndedUse else { return }
        hasEndedUse = true
        arrivedDescriptors.closeAll()
        closeMessageDescriptors()
        stream.endUse()
    }
}
