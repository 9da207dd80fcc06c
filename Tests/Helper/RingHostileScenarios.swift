import IPCProcess
import IPCSharedMemory
import IPCSockets
import IPCSystem

let ringHostileScenarios: [String: Scenario] = ["ring-scribble": scribble, "ring-hostile": resist]

/// The memory of a ring for somebody who means no good.
private struct Prey: DescriptorTransferable {
    let transferred: TransferredDescriptors

    consuming func transfer() throws(IPCError) -> TransferredDescriptors { transferred }

    static func receive(_ transferred: TransferredDescriptors) throws(IPCError) -> Prey {
        Prey(transferred: transferred)
    }
}

private struct Dice {
    var state: UInt64
    mutating func roll() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ (state >> 29)
    }
}

/// `ring-scribble`: writes nonsense, and what is nearly right, over every word of a ring until it is killed.
private func scribble(_ arguments: [String]) async throws -> Int32 {
    let prey = try InheritedEndpoints.take(0, as: Prey.self)
    guard let number = prey.transferred.descriptors[0].take() else { return 1 }
    let file = OwnedDescriptor(owning: number)
    let memory = try MappedMemory(file.number, byteCount: Int(try FileCalls.status(of: file.number).size))
    startThread {
        var dice = Dice(state: 42)
        let words = memory.bytes.byteCount / 8
        let slotWords = 1024 + 2 * 64 * 8
        while true {
            let value = dice.roll()
            switch value >> 60 {
            case 0, 1:  // the header and the words of control
                memory.bytes.word64(Int(dice.roll() % 1024) * 8).storeRelaxed(dice.roll())
            case 2:
                let word = 512 + Int(dice.roll() % 2) * 128 + Int(dice.roll() % 2)
                memory.bytes.word64(word * 8).storeRelaxed(dice.roll() % 200)
            case 3:
                let word = 512 + Int(dice.roll() % 2) * 128 + 32 + Int(dice.roll() % 2) * 32
                memory.bytes.word64(word * 8).storeRelaxed(dice.roll() & 0x3)
            case 4, 5:  // anything anywhere
                memory.bytes.word64(Int(dice.roll() % UInt64(words)) * 8).storeRelaxed(dice.roll())
            case 6, 7:
                memory.bytes.word64((1024 + Int(dice.roll() % UInt64(slotWords - 1024))) * 8).storeRelaxed(dice.roll())
            default:  // a word that looks right
                let slot = Int(dice.roll() % 128)
                let length = value & 1 == 0 ? dice.roll() % 57 : dice.roll() % 5000
                let kind = dice.roll() % 8
                let lap = dice.roll() % 8
                memory.bytes.word64(8192 + slot * 64).storeReleasing(length | kind << 32 | lap << 36)
                memory.bytes.word64(8192 + slot * 64 + 8).storeRelaxed(dice.roll() % 20_000)
            }
        }
    }
    say("scribbling")
    while true { try await Task.sleep(for: .seconds(1)) }
}

/// `ring-hostile SECONDS`: uses rings whose memory another process scribbles on. Ends of all kinds are right, a crash is
/// not, and no message is above the limit.
private func resist(_ arguments: [String]) async throws -> Int32 {
    let seconds = Int(arguments[0]) ?? 1
    let limit = 10_000
    let options = RingOptions(ringByteCount: 4096, maximumMessageSize: limit)
    let (near, far) = try RingChannel.makePair(options: options)
    let parts = try far.transfer()
    let memory = try PassedDescriptor(duplicating: parts.descriptors[0].borrowedNumber ?? -1)
    let prey = Prey(transferred: TransferredDescriptors(descriptors: [memory]))
    let child = try await ChildProcess.spawn(
        .path(CommandLine.arguments[0]), arguments: ["ring-scribble"],
        options: .init(standardOutput: .pipe), transferring: [prey])
    try require(try await child.standardOutput.readLine() == "scribbling", "the other process does not scribble")
    let end = Deadline.after(.seconds(seconds))
    var ends = 0
    var messages = 0
    var dice = Dice(state: 7)
    while !end.hasPassed {
        let victim = try makeVictim(parts, side: UInt8(ends % 2), &dice)
        ends += 1
        messages += await use(victim, limit, &dice)
        victim.close()
    }
    try await child.kill()
    _ = try await child.exitStatus()
    near.close()
    say("\(ends) rings, \(messages) messages")
    try require(messages > 0, "nothing was ever received")
    return 0
}

/// An end on the memory that is scribbled on, with a socket of its own.
private func makeVictim(_ parts: TransferredDescriptors, side: UInt8, _ dice: inout Dice) throws -> RingChannel {
    let sockets = try SocketCalls.makePair(.stream)
    let other = PassedDescriptor(owning: sockets.1)
    // The peer lives on, so that its death is not the usual end.
    kept.withLock { $0.append(other) }
    var descriptors = try parts.descriptors[..<3].map { try PassedDescriptor(duplicating: $0.borrowedNumber ?? -1) }
    descriptors.append(PassedDescriptor(owning: sockets.0))
    var state: [UInt8] = [1, side, 0] + [UInt8](repeating: 0, count: 7)
    for value in [
        4096, 10_000, dice.roll() % 512, (dice.roll() % 512) * 64, dice.roll() % 512, (dice.roll() % 512) * 64,
    ]
        as [UInt64]
    {
        for index in 0..<8 { state.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
    }
    // The scribbler may have hit the header: then this is refused, and set right for the next one.
    repeat {
        do throws(IPCError) {
            let given = TransferredDescriptors(
                descriptors: try descriptors.map { passed throws(IPCError) in
                    try PassedDescriptor(duplicating: passed.borrowedNumber ?? -1)
                }, state: state)
            return try RingChannel.receive(given, options: RingOptions(trust: .untrusted, spin: .never))
        } catch {
            guard [.wrongMagic, .wrongVersion, .protocolViolation].contains(error.code) else { throw error }
            try setRight(descriptors[0])
        }
    } while true
}

private let kept = Lock<[PassedDescriptor]>([])

private func setRight(_ file: PassedDescriptor) throws {
    let memory = try MappedMemory(file.borrowedNumber ?? -1, byteCount: 4096)
    memory.bytes.word64(0).storeRelaxed(0x474E_4952_4350_4973)
    memory.bytes.word32(8).storeRelaxed(1)
    memory.bytes.word32(12).storeRelaxed(64)
    memory.bytes.word64(16).storeRelaxed(4096)
}

/// Uses an end until it fails. Returns how many messages it received.
private func use(_ victim: RingChannel, _ limit: Int, _ dice: inout Dice) async -> Int {
    var received = 0
    kept.withLock { if $0.count > 1 { $0.removeFirst() } }
    for _ in 0..<2000 {
        let form = dice.roll() % 5
        do {
            switch form {
            case 0, 1:
                let sum = try await victim.receive(until: .after(.microseconds(50))) { span -> Int in
                    var sum = span.byteCount
                    for index in 0..<span.byteCount {
                        sum &+= Int(unsafe span.unsafeLoad(fromByteOffset: index, as: UInt8.self))
                    }
                    return span.byteCount <= limit ? sum : -1
                }
                if let sum { received += sum >= 0 ? 1 : -1_000_000 }
            case 2:
                if case .message(let bytes) = try victim.tryReceive() {
                    received += bytes.count <= limit ? 1 : -1_000_000
                }
            case 3:
                _ = try victim.trySend([UInt8](repeating: 9, count: Int(dice.roll() % 300)))
            default:
                try await victim.send([UInt8](repeating: 9, count: 6_000), until: .after(.microseconds(20)))
            }
        } catch  where error.code == .timedOut {
            continue
        } catch {
            break
        }
    }
    return received
}
