// What a stranger says of an object that he gives away: the part of the frame fuzzer that goes through
// `DescriptorTransferable.receive`.

import IPCCore
import IPCSockets
import IPCSystem

/// One byte says which object, with which descriptors; the rest is the state.
func receiveObject(_ setting: UInt8, _ state: [UInt8]) {
    let ends = makeEnds(setting >> 2 & 7)
    switch setting & 3 {
    case 0, 1: receiveChannel(setting, state, ends)
    case 2: receiveListener(setting, state, ends)
    default:
        expectRefusal { () throws(IPCError) in
            let connection = try SocketConnection.receive(TransferredDescriptors(descriptors: ends.given, state: state))
            connection.close()
        }
    }
}

private struct Ends: ~Copyable {
    /// What the peer keeps; nil where there is nothing.
    let kept: OwnedDescriptor?
    let given: [PassedDescriptor]

    var keptNumber: Int32? {
        switch kept {
        case .some(let kept): kept.number
        case nil: nil
        }
    }
}

/// The descriptors that come along: sockets of all kinds, and what is none.
private func makeEnds(_ kind: UInt8) -> Ends {
    func make() throws -> (kept: Int32, given: Int32) {
        switch kind {
        case 0, 1: return try SocketCalls.makePair(.stream)
        case 2, 3: return try SocketCalls.makePair(.packets)
        case 4: return try SocketCalls.makePair(.datagrams)
        case 5:
            let pipe = try DescriptorCalls.makePipe()
            return (pipe.writing, pipe.reading)
        case 6: return (-1, try SocketCalls.makeUnixSocket(.stream).release())
        default: return (-1, try DescriptorCalls.duplicate(Victim.shared.stranger.number))
        }
    }
    guard let ends = try? make() else { fatalError("no descriptor is free: some were leaked") }
    return Ends(
        kept: ends.kept < 0 ? nil : OwnedDescriptor(owning: ends.kept), given: [PassedDescriptor(owning: ends.given)])
}

/// A channel that was taken has limits that this side can bear, and works or fails, but does nothing else.
private func receiveChannel(_ setting: UInt8, _ state: [UInt8], _ ends: borrowing Ends) {
    expectRefusal { () throws(IPCError) in
        let transferred = TransferredDescriptors(descriptors: ends.given, state: state)
        let channel =
            setting & 1 == 0
            ? try SocketChannel.receive(transferred)
            : try SocketChannel.receive(transferred, options: SocketOptions(maximumMessageSize: 64))
        precondition(channel.guarantees.maximumMessageSize <= (setting & 1 == 0 ? 16 << 20 : 64), "a limit above ours")
        if let kept = ends.keptNumber {
            // A packet that is too large for whatever was said, or a stream of anything.
            let bytes = [UInt8](repeating: setting, count: 100)
            _ = try? bytes.withUnsafeBytes { try SocketCalls.send(kept, $0) }
        }
        var turns = 0
        // Ends: there are as many messages as were in the state and have been sent, of which a few are looked at.
        while turns < 32, let received = try? channel.tryReceive(), case .message(let message) = received {
            precondition(message.count <= (setting & 1 == 0 ? 16 << 20 : 64), "a message above the limit")
            turns += 1
        }
        _ = try? channel.trySend([1])
        channel.close()
    }
}

/// Whatever is said of its name, a listener that comes from a stranger removes nothing of ours.
private func receiveListener(_ setting: UInt8, _ state: [UInt8], _ ends: borrowing Ends) {
    let victim = Victim.shared
    var state = state
    if setting & 32 != 0 { state = [1] + victim.identity + Array(victim.strangersPath.utf8) + state }
    guard let folder = try? DescriptorCalls.duplicate(victim.folder.number),
        let lock = try? DescriptorCalls.duplicate(victim.lock.number)
    else { fatalError("no descriptor is free: some were leaked") }
    var descriptors = ends.given
    if setting & 64 == 0 { descriptors += [PassedDescriptor(owning: folder), PassedDescriptor(owning: lock)] }
    expectRefusal { () throws(IPCError) in
        let listener = try SocketListener.receive(
            TransferredDescriptors(descriptors: descriptors, state: state), options: SocketListenerOptions())
        listener.close()
    }
    if setting & 64 != 0 {
        closeDescriptor(folder)
        closeDescriptor(lock)
    }
    for name in ["ours", "ours.lock"] {
        precondition((try? NameCalls.status(of: name, in: victim.folder.number)) != nil, "\(name) was removed")
    }
}

/// Runs `body`, which may fail because the object is none, and for no other reason.
private func expectRefusal(_ body: () throws(IPCError) -> Void) {
    do throws(IPCError) {
        try body()
    } catch {
        let allowed: [IPCError.Code] = [.decodingFailed, .invalidArgument, .invalidName]
        precondition(allowed.contains(error.code), "another error: \(error)")
    }
}

/// A listener of this process, which a stranger would have removed: he knows where it is and what he may open of it.
private final class Victim: @unchecked Sendable {
    static let shared = Victim()

    let folder: OwnedDescriptor
    let lock: OwnedDescriptor
    let stranger: OwnedDescriptor
    let strangersPath: String
    /// Device and inode, as a state has them.
    let identity: [UInt8]
    private let listener: SocketListener

    private init() {
        do {
            // An empty folder of the script's, which it removes.
            guard let path = EnvironmentCalls.value(of: "FUZZ_FOLDER") else { fatalError("FUZZ_FOLDER is not set") }
            try FileCalls.makeDirectory(path + "/his", permissions: 0o700)
            listener = try SocketListener(at: .unix(path: path + "/ours"))
            folder = try FileCalls.open(path, [.pathOnly, .directory])
            lock = try FileCalls.open(path + "/ours.lock", [.pathOnly])
            // Of the same name in a folder of his own.
            strangersPath = path + "/his/ours"
            stranger = try SocketCalls.makeUnixSocket(.stream)
            try SocketCalls.bindUnix(stranger.number, path: strangersPath)
            try SocketCalls.listen(stranger.number, backlog: 1)
            let status = try FileCalls.status(at: path + "/ours")
            identity = [status.device, status.inode].flatMap { value in
                (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
            }
        } catch {
            fatalError("no victim could be made: \(error)")
        }
    }
}
