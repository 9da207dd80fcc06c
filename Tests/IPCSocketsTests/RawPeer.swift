import IPCSockets
import IPCSystem

/// A socket without this library's framing at the other end of a channel: for saying what a peer must not.
final class RawPeer: Sendable {
    let socket: OwnedDescriptor

    init(socket: consuming OwnedDescriptor) { self.socket = socket }

    /// A raw end, and a channel at the other.
    static func pair(_ options: SocketOptions) throws -> (RawPeer, SocketChannel) {
        let ends = try SocketCalls.makePair(.stream)
        let raw = OwnedDescriptor(owning: ends.0)
        return (RawPeer(socket: raw), try SocketChannel(OwnedDescriptor(owning: ends.1), options))
    }

    /// Sends bytes with descriptors at the first of them. What the socket does not take at once is a failure.
    func send(_ bytes: [UInt8], descriptors: [Int32] = []) throws {
        let count = try unsafe bytes.withUnsafeBytes { buffer in
            descriptors.isEmpty
                ? try unsafe SocketCalls.send(socket.number, buffer)
                : try unsafe SocketCalls.send(
                    socket.number, buffer, UnsafeRawBufferPointer(start: nil, count: 0), descriptors: descriptors)
        }
        guard count == bytes.count else { throw Stuck() }
    }

    struct Stuck: Error {}

    static let hello = Array("swiftIPC".utf8) + [1, 0, 0, 0, 0, 0, 0, 0]

    /// A header as the wire format has it: length, kind, flags, descriptors, tag.
    static func header(_ length: UInt64, kind: UInt8 = 1, flags: UInt8 = 0, descriptors: UInt16 = 0) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * UInt64($0))) }
            + [kind, flags, UInt8(truncatingIfNeeded: descriptors), UInt8(descriptors >> 8), 0, 0, 0, 0]
    }

    static func frame(_ payload: [UInt8], descriptors: UInt16 = 0) -> [UInt8] {
        header(UInt64(payload.count), descriptors: descriptors) + payload
    }

    static let end = header(0, kind: 2)
}

/// A pipe whose writing end is given away: its reader sees the end when nobody has a copy of it any more.
struct Tracer: ~Copyable {
    let reading: OwnedDescriptor
    let writing: PassedDescriptor

    init() throws {
        let ends = try DescriptorCalls.makePipe()
        reading = OwnedDescriptor(owning: ends.reading)
        writing = PassedDescriptor(owning: ends.writing)
    }

    /// Another descriptor of the writing end.
    func copy() throws -> PassedDescriptor {
        try PassedDescriptor(duplicating: writing.borrowedNumber ?? -1)
    }

    /// Whether every copy of the writing end is closed.
    var isOver: Bool {
        get throws {
            var byte: UInt8 = 0
            return try unsafe withUnsafeMutableBytes(of: &byte) {
                try unsafe DescriptorCalls.read(reading.number, into: $0)
            } == 0
        }
    }

    /// Whether every copy of the writing end is closed, or will be soon: a child that another test starts has copies
    /// until its exec.
    func ends() async throws -> Bool {
        for _ in 0..<12_000 {
            if try isOver { return true }
            try await Task.sleep(for: .milliseconds(5))
        }
        return false
    }
}

/// What a descriptor stands for, to tell whether it is the one that was sent.
func identity(_ number: Int32?) throws -> UInt64 {
    try FileCalls.status(of: number ?? -1).inode
}
