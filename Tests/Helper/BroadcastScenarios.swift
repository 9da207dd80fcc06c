import Glibc
import IPCCore
import IPCProcess
import IPCSharedMemory
import IPCSystem

/// What other processes do in the tests of broadcasts.
let broadcastScenarios: [String: Scenario] = [
    "broadcast-write": broadcastWrite, "broadcast-read": broadcastRead, "broadcast-inherit": broadcastInherit,
    "broadcast-scribble": broadcastScribble, "broadcast-storm": broadcastStorm,
]

/// A message that tells its number and whether it is whole: 8 bytes number, then bytes that follow from it.
enum Numbered {
    static func bytes(_ number: UInt64) -> [UInt8] {
        let count = Int(number % 97) * 3
        var bytes = (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
        for index in 0..<count { bytes.append(UInt8(truncatingIfNeeded: number &+ UInt64(index))) }
        return bytes
    }

    /// The number of a message that is whole.
    static func number(_ bytes: [UInt8]) -> UInt64? {
        guard bytes.count >= 8 else { return nil }
        let number = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
        return bytes == self.bytes(number) ? number : nil
    }
}

private func options(_ kind: String) -> BroadcastOptions {
    BroadcastOptions(delivery: kind == "lossless" ? .lossless(readers: 8) : .lossy, capacity: 65536)
}

/// NAME lossy|lossless COUNT FIRST finish|hang|endless: sends numbered messages.
private func broadcastWrite(_ arguments: [String]) async throws -> Int32 {
    let writer = try Broadcast.Writer(at: .named(arguments[0]), options: options(arguments[1]))
    say("ready")
    var number = UInt64(arguments[3])!
    let end = arguments[4] == "endless" ? UInt64.max : number + UInt64(arguments[2])!
    while number < end {
        try await writer.send(Numbered.bytes(number))
        number += 1
    }
    if arguments[4] == "finish" { try await writer.finish() }
    if arguments[4] == "hang" {
        say("sent")
        try await Task.sleep(for: .seconds(60))
    }
    return 0
}

/// NAME lossy|lossless [COUNT|says-in]: reads to the end, or so many; says "first last count lapped end", and with
/// "says-in" before that "in" when it has its place.
private func broadcastRead(_ arguments: [String]) async throws -> Int32 {
    let reader = try Broadcast.Reader(at: .named(arguments[0]), from: .oldest)
    if arguments.last == "says-in" { say("in") }
    let limit = arguments.count > 2 ? Int(arguments[2]) ?? .max : .max
    var ending = "finished"
    var (first, last, count): (UInt64?, UInt64, Int) = (nil, 0, 0)
    /// What it missed before its first message.
    var missedBefore: UInt64 = 0
    do throws(IPCError) {
        while count < limit, let message = try await reader.receive() {
            guard let number = Numbered.number(message) else {
                say("a torn message")
                return 1
            }
            if first != nil && number <= last || first != nil && arguments[1] == "lossless" && number != last + 1 {
                say("\(number) after \(last)")
                return 1
            }
            if first == nil { missedBefore = reader.lappedCount }
            first = first ?? number
            last = number
            count += 1
        }
    } catch {
        ending = "\(error.code)"
    }
    say("\(first.map { "\($0)" } ?? "-") \(last) \(count) \(reader.lappedCount - missedBefore) \(ending)")
    return 0
}

/// COUNT: receives from the reader that it was given; each message must be the next.
private func broadcastInherit(_ arguments: [String]) async throws -> Int32 {
    let reader = try InheritedEndpoints.take(0, as: Broadcast.Reader.self)
    var last: UInt64?
    var count = 0
    while count < Int(arguments[0])!, let message = try await reader.receive(until: .after(.seconds(60))) {
        let number = Numbered.number(message)
        try require(number != nil && (last == nil || number == last! + 1), "\(number ?? 0) after \(last ?? 0)")
        if last == nil { say("first \(number!)") }
        last = number
        count += 1
    }
    say("count \(count)")
    return 0
}

/// NAME SECONDS: writes nonsense over all control words and records, again and again.
private func broadcastScribble(_ arguments: [String]) async throws -> Int32 {
    let region = try SharedMemory(at: .named(arguments[0]), .open, layout: RegionLayout("swift-ipc.broadcast"))
    let end = Deadline.after(.milliseconds(Int(arguments[1])!))
    let offsets = [0, 64, 128, 132, 256, 320, 324, 1024, 1032, 1088, 1096, 4096, 8192, 4096 + 65528]
    say("ready")
    var random = SystemRandomNumberGenerator()
    while !end.hasPassed {
        for _ in 0..<1000 {
            let offset = offsets.randomElement(using: &random)! & ~7
            let values: [UInt64] = [
                .random(in: 0 ... .max, using: &random), 0, 1, 8, .max, 1 << 63, 65536,
                region.payload.word64(0).loadRelaxed(),
            ]
            region.payload.word64(offset).storeRelaxed(values.randomElement(using: &random)!)
        }
        SharedFutexCalls.wake(region.payload.word32(128))
        SharedFutexCalls.wake(region.payload.word32(324))
    }
    return 0
}

/// SECONDS: kills writers and lossless readers again and again; what readers get is whole and in order.
private func broadcastStorm(_ arguments: [String]) async throws -> Int32 {
    let end = Deadline.after(.seconds(Int(arguments[0])!))
    var kills = 0
    var round: UInt64 = 0
    let me = try FileCalls.destination(of: "/proc/self/exe")
    let piped = ChildProcess.Options(standardOutput: .pipe)
    while !end.hasPassed {
        for kind in ["lossy", "lossless"] {
            let name = "ipc-storm-\(getpid())-\(round)"
            round += 1
            defer { try? SharedMemory.remove(.named(name)) }
            let writer = try await ChildProcess.spawn(
                .path(me), arguments: ["broadcast-write", name, kind, "0", "0", "endless"], options: piped)
            var lines = try writer.standardOutput.lines.makeAsyncIterator()
            guard try await lines.next() == "ready" else { throw Wrong("a writer could not begin") }
            let reader = try Broadcast.Reader(at: .named(name), from: .newest)
            let victims = try await [
                ChildProcess.spawn(.path(me), arguments: ["broadcast-read", name, kind], options: piped),
                ChildProcess.spawn(.path(me), arguments: ["broadcast-read", name, kind], options: piped),
            ]
            var last: UInt64?
            func take(_ message: [UInt8]) throws {
                guard let number = Numbered.number(message) else { throw Wrong("a torn message") }
                if let last, number <= last || kind == "lossless" && number != last + 1 {
                    throw Wrong("\(number) after \(last)")
                }
                last = number
            }
            let pause = Deadline.after(.milliseconds(Int.random(in: 5...40)))
            while !pause.hasPassed {
                if let message = try await reader.receive(until: .after(.seconds(60))) { try take(message) }
            }
            for victim in victims { _ = try await victim.kill() }
            // The dead hold nobody up.
            for _ in 0..<2000 {
                if let message = try await reader.receive(until: .after(.seconds(60))) { try take(message) }
            }
            _ = try await writer.kill()
            kills += 3
            do throws(IPCError) {
                while let message = try await reader.receive(until: .after(.seconds(60))) {
                    guard Numbered.number(message) != nil else { throw IPCError(.protocolViolation, "torn") }
                }
                throw IPCError(.protocolViolation, "an end without a finish")
            } catch {
                try require(error.code == .peerClosed, "\(error)")
            }
        }
    }
    say("\(kills) processes killed in \(round) rounds")
    return 0
}
