import Glibc
import IPCCore
import IPCSockets
import IPCSystem

let socketFaultScenarios: [String: Scenario] = [
    "socket-faults": faults,
    "socket-transfer-full": transferFull,
    "socket-truncated": truncated,
    "socket-cancel": cancelSending,
]

/// `socket-faults PATH`: every system call on the way fails once, with each error that could be; nothing leaks, nothing
/// is left, and the next attempt works.
private func faults(_ arguments: [String]) async throws -> Int32 {
    let address = try SocketAddress.unix(path: arguments[0])
    try await exchange(address)
    let before = try await settledDescriptors()
    for errno in [ENOMEM, EMFILE, EIO, EINTR, EACCES] {
        for position in 1... {
            let fault = FaultInjection.Fault(nil, errno: errno, first: position)
            do {
                // A connection whose credentials could not be read is closed, and nobody is accepted.
                let patience = errno == EINTR ? Duration.seconds(60) : .milliseconds(200)
                try await FaultInjection.with([fault]) { try await exchange(address, patience) }
            } catch let error as IPCError {
                try require(errno != EINTR, "an interrupted call was not made again: \(error)")
            }
            let isOver = FaultInjection.tally.failed == 0
            // What could not be removed under the fault is stale, and taken over.
            try await exchange(address)
            if isOver { break }
            try require(position < 500, "no end of calls")
        }
    }
    for errno in [EMFILE, ENFILE, ENOMEM, ENOBUFS, ECONNABORTED, EPROTO] {
        let fault = FaultInjection.Fault(.accept4, errno: errno, count: 3)
        try await FaultInjection.with([fault]) { try await exchange(address) }
        try require(FaultInjection.tally.failed == 3, "accept was not asked again after errno \(errno)")
    }
    try await requireDescriptors(before)
    return 0
}

/// `socket-transfer-full PATH`: a listener that was given away comes to a process that can wait on nothing more: all its
/// descriptors are closed, so that the lock of its name is free.
private func transferFull(_ arguments: [String]) async throws -> Int32 {
    let address = try SocketAddress.unix(path: arguments[0])
    // The poller has descriptors of its own, once it is there.
    try await exchange(address)
    let before = try await settledDescriptors()
    let given = try SocketListener(at: address).transfer()
    var taken: [Registration] = []
    while let registration = try? WaitEngine.shared.register(0) { taken.append(registration) }
    do throws(IPCError) {
        try SocketListener.receive(given).close()
        throw IPCError(.invalidArgument, "the listener was taken")
    } catch {
        try require(error.code == .resourceExhausted, "\(error)")
    }
    for registration in taken { WaitEngine.shared.unregister(registration) }
    try await requireDescriptors(before)
    // The name that it left is stale, and taken over.
    try SocketListener(at: address).close()
    return 0
}

private func exchange(_ address: SocketAddress, _ patience: Duration = .seconds(60)) async throws {
    let options = SocketListenerOptions(gracePeriod: .zero)
    try await SocketListener.withListener(at: address, options: options) { listener in
        let deadline = Deadline.after(.seconds(60))
        let client = try await SocketChannel.connect(to: address, until: deadline)
        // A connection whose credentials could not be read is closed: the client sees that, and the listener goes on.
        let accepting = Task { try await listener.accept(until: .after(patience)) }
        try await client.send([1, 2], until: deadline)
        guard let server = try await accepting.value?.channel() else { throw Wrong("the listener ended") }
        let message = try await server.receive(until: deadline)
        try require(message == [1, 2], "\(message as Any)")
        try await server.finish(until: deadline)
        let end = try await client.receive(until: deadline)
        try require(end == nil, "\(end as Any)")
    }
}

/// `socket-truncated`: messages with descriptors for a process that has no numbers left. Those before arrive, then the
/// connection ends, and nothing stays open.
private func truncated(_ arguments: [String]) async throws -> Int32 {
    for free in 0..<6 {
        let (near, far) = try SocketChannel.makePair(options: SocketOptions(maximumDescriptors: 8))
        try await near.send([1])
        try await near.descriptorMessages.send(
            SocketMessage(payload: [2], descriptors: try (0..<8).map { _ in try PassedDescriptor(duplicating: 1) }))
        try await near.send([3])
        let before = try await settledDescriptors()
        var taken: [Int32] = []
        var number = dup(0)
        while number >= 0 {
            taken.append(number)
            number = dup(0)
        }
        for _ in 0..<free { close(taken.removeLast()) }
        let first = try await far.descriptorMessages.receive()
        try require(first?.payload == [1], "\(first as Any)")
        do throws(IPCError) {
            let message = try await far.descriptorMessages.receive()
            throw IPCError(.invalidArgument, "received \(message as Any) without room")
        } catch {
            try require(error.code == .descriptorsTruncated, "\(free) free: \(error)")
        }
        for number in taken { close(number) }
        try await requireDescriptors(before)
        do throws(IPCError) {
            try await near.send([4])
            throw IPCError(.invalidArgument, "the connection goes on")
        } catch {
            try require(error.code == .peerClosed, "\(error)")
        }
    }
    return 0
}

/// `socket-cancel ROUNDS`: sends with descriptors that are cancelled at any moment. Each message arrives with all of its
/// descriptors, or the caller still has them.
private func cancelSending(_ arguments: [String]) async throws -> Int32 {
    let rounds = Int(arguments[0]) ?? 0
    let (near, far) = try SocketChannel.makePair(options: SocketOptions(maximumDescriptors: 2, sendBufferSize: 4096))
    let before = try await settledDescriptors().count
    let receiving = Task {
        var ids: [Int] = []
        for try await message in far.descriptorMessages.incoming {
            try require(message.descriptors.count == 2, "\(message.descriptors.count) descriptors")
            ids.append(message.payload.prefix(4).reduce(0) { $0 << 8 | Int($1) })
            if ids.count % 16 == 0 { try await Task.sleep(for: .microseconds(300)) }
        }
        return ids
    }
    var sent: [Int] = []
    var given = 0
    for round in 0..<rounds {
        let size = round % 7 == 0 ? 20_000 : 600
        let payload =
            [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: round >> $0) } + [UInt8](repeating: 0, count: size)
        let descriptors = try (0..<2).map { _ in try PassedDescriptor(duplicating: 0) }
        let sending = Task {
            try await near.descriptorMessages.send(SocketMessage(payload: payload, descriptors: descriptors))
        }
        if round % 3 == 0 { try await Task.sleep(for: .microseconds(Int.random(in: 0...200))) }
        sending.cancel()
        let free = { descriptors.compactMap { $0.take() } }
        do {
            try await sending.value
            sent.append(round)
            let left = free()
            try require(left.isEmpty, "sent, and still \(left)")
        } catch {
            try require((error as? IPCError)?.isCancellation == true, "\(error)")
            let left = free()
            left.forEach { close($0) }
            given += 1
            try require(left.count == 2, "not sent, and \(left.count) left")
        }
    }
    try await near.finish()
    let received = try await receiving.value
    try require(received == sent, "sent \(sent.count), received \(received.count)")
    try require(given > 0 && !sent.isEmpty, "\(given) cancelled, \(sent.count) sent: nothing was tried")
    let after = try await settledDescriptors().count
    try require(after <= before + 2, "\(before) descriptors before, \(after) after")
    return 0
}
