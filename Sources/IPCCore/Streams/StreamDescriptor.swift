import CIPC
package import IPCSystem
import Synchronization

/// A descriptor of a byte stream that one or two ends use, closed when the last of them is done.
///
/// No end closes it while an operation of the other is under way: each says `endUse` once, after its last operation.
@usableFromInline
package final class StreamDescriptor: Sendable {
    package enum Kind: Sendable {
        /// A pipe, a FIFO, a terminal or a file: read(2) and write(2).
        case pipe
        /// A Unix socket: recv(2) and send(2).
        case socket
        /// A socket that leads to other machines: the same calls.
        case networkSocket
        /// A Unix socket that keeps packets apart: each read takes one, and each write is one.
        case packetSocket
    }

    @usableFromInline package let number: Int32
    package let kind: Kind
    package let registration: Registration
    package let engine: WaitEngine
    /// A FIFO that was opened for reading before anyone opened it for writing: its first reads find an end that is none.
    package let mayLackWriter: Bool
    /// Whether a read that does not fill its room has taken all there was. Not so for a terminal, which gives a line at a
    /// time, for a pipe that somebody else may write packets to (O_DIRECT), and for a socket that brings descriptors,
    /// where a read stops behind each message that has some.
    let shortReadMeansEmpty: Bool
    /// How many ends use the descriptor, and how many calls are under way that are not behind an end's lock.
    private let uses: Atomic<Int>
    /// Whether the observer was told that the stream broke.
    let hasReported = Atomic(false)
    private let onClose: (@Sendable () -> Void)?
    private let endsIdling = Atomic(false)

    /// Takes over `descriptor`, which must be non-blocking, for `uses` ends. `onClose` runs once the descriptor is closed.
    package init(
        _ descriptor: consuming OwnedDescriptor, kind: Kind, uses: Int, mayLackWriter: Bool = false,
        shortReadMeansEmpty: Bool = true, engine: WaitEngine = .shared, onClose: (@Sendable () -> Void)? = nil
    ) throws(IPCError) {
        registration = try engine.register(descriptor.number)
        number = descriptor.release()
        self.kind = kind
        self.engine = engine
        self.mayLackWriter = mayLackWriter
        self.shortReadMeansEmpty = shortReadMeansEmpty && kind != .packetSocket
        self.uses = Atomic(uses)
        self.onClose = onClose
    }

    /// One more user, unless the last is done already. Each says `endUse`.
    package func beginUse() -> Bool {
        var current = uses.load(ordering: .relaxed)
        while current > 0 {
            let (exchanged, found) = uses.weakCompareExchange(
                expected: current, desired: current + 1, ordering: .acquiringAndReleasing)
            if exchanged { return true }
            current = found
        }
        return false
    }

    /// One end will not use the descriptor any more.
    @usableFromInline
    package func endUse() {
        if uses.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 {
            engine.unregister(registration)
            closeDescriptor(number)
            onClose?()
        }
    }

    /// Whether nobody is to wait any more for a message of which nothing has come.
    var isIdlingOver: Bool { endsIdling.load(ordering: .sequentiallyConsistent) }

    /// Ends ``StreamReceiver/waitWhileIdle(until:)``, now and from now on.
    package func endIdling() {
        endsIdling.store(true, ordering: .sequentiallyConsistent)
        registration.readable.signal()
    }

    /// Ends one or both directions of a socket, so that the peer sees it at once. Nothing on a pipe.
    package func shutdown(reading: Bool, writing: Bool) {
        guard kind != .pipe else { return }
        // A peer that is gone already has nothing left to see.
        try? SocketCalls.shutdown(number, reading: reading, writing: writing)
    }

    /// One read: the number of bytes, 0 at the end, nil when there is nothing yet.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(SystemCallError) -> Int? {
        switch kind {
        case .pipe: try unsafe DescriptorCalls.read(number, into: buffer)
        case .socket, .networkSocket, .packetSocket: try unsafe SocketCalls.receive(number, into: buffer)
        }
    }

    /// One write: the number of bytes, nil when there is no room.
    func write(_ bytes: UnsafeRawBufferPointer) throws(SystemCallError) -> Int? {
        switch kind {
        case .pipe: try unsafe DescriptorCalls.write(number, bytes)
        case .socket, .networkSocket, .packetSocket: try unsafe SocketCalls.send(number, bytes)
        }
    }

    /// One write of two pieces.
    func write(_ head: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer) throws(SystemCallError) -> Int? {
        switch kind {
        case .pipe: try unsafe DescriptorCalls.write(number, head, body)
        case .socket, .networkSocket, .packetSocket: try unsafe SocketCalls.send(number, head, body)
        }
    }
}
