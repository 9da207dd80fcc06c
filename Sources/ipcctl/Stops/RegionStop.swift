import IPCProcess
import IPCSharedMemory
import IPCSockets

/// Regions of shared memory, passed on by descriptor and found by name; a socket says when to look. The second process's
/// death is seen by the socket alone: memory does not tell.
struct RegionStop: TourStop {
    let mechanism = "shared memory regions"

    private static let turnAround: UInt8 = 1
    private static let addUp: UInt8 = 2
    private static let countAtName: UInt8 = 3

    private static let byteCount = 1 << 20
    private static let messageByteCount = 64
    /// Where the answer to a message lies.
    private static let answerOffset = 4096
    private static let additions = 20_000

    func visit(until deadline: Deadline) async throws -> TourResult {
        let region = try SharedMemory(byteCount: Self.byteCount, layout: RegionLayout("swift-ipc.tour"))
        let (ours, theirs) = try SocketChannel.makePair()
        let child = try await Tour.startPeer(of: self, transferring: [theirs, region])
        return try await withPeer(child) { child in
            var result = TourResult()
            try await countTogether(&result, ours, until: deadline)
            try await turnAround(&result, region, ours, until: deadline)
            try await addUp(&result, region, ours, until: deadline)
            let last = try region.read(64)
            result.deathNotice = try await Death.notice(of: child, by: ours, until: deadline)
            try require(try region.read(64) == last, "the region is not as the second process left it")
            return result
        }
    }

    /// Both processes add to one word of a region that the second one finds by its name: no addition may be lost.
    private func countTogether(
        _ result: inout TourResult, _ channel: SocketChannel, until deadline: Deadline
    ) async throws {
        let name = "ipcctl-tour-\(UInt64.random(in: .min ... .max))"
        let region = try SharedMemory(
            at: .named(name), .create, byteCount: 4096, layout: RegionLayout("swift-ipc.tour"))
        defer { try? SharedMemory.remove(.named(name)) }
        try await channel.send([Self.countAtName] + name.utf8, until: deadline)
        try Self.count(region)
        _ = try await channel.receive(until: deadline)
        let total = try region.atomic(at: 0).load()
        try require(total == UInt64(2 * Self.additions), "\(2 * Self.additions) additions came to \(total)")
        result.messagesChecked += 2 * Self.additions
    }

    private static func count(_ region: SharedMemory) throws {
        let word = try region.atomic(at: 0)
        for _ in 0..<additions { word.wrappingAdd(1) }
    }

    /// A message in the region, a byte through the socket; the answer is the message backwards.
    private func turnAround(
        _ result: inout TourResult, _ region: SharedMemory, _ channel: SocketChannel, until deadline: Deadline
    ) async throws {
        let clock = ContinuousClock()
        for round in 0..<2_000 {
            let message = Pattern.bytes(count: Self.messageByteCount, seed: round)
            let start = clock.now
            try region.write(message)
            try await channel.send([Self.turnAround], until: deadline)
            _ = try await channel.receive(until: deadline)
            let answer = try region.read(Self.messageByteCount, at: Self.answerOffset)
            result.roundTrips.append(clock.now - start)
            try require(answer == message.reversed(), "round trip \(round) came back changed")
            result.messagesChecked += 1
        }
    }

    /// The whole region is filled here and added up there.
    private func addUp(
        _ result: inout TourResult, _ region: SharedMemory, _ channel: SocketChannel, until deadline: Deadline
    ) async throws {
        let clock = ContinuousClock()
        let start = clock.now
        let rounds = 64
        let contents = Pattern.bytes(count: Self.byteCount, seed: 11)
        let expected = Tally(count: 1, sum: Pattern.sum(contents)).bytes
        for round in 0..<rounds {
            try region.write(contents)
            try await channel.send([Self.addUp], until: deadline)
            let answer = try await channel.receive(until: deadline)
            try require(answer == expected, "round \(round) does not add up")
            result.messagesChecked += 1
        }
        result.streamTime = clock.now - start
        result.byteCount = rounds * Self.byteCount
    }

    func serve(_ arguments: [String]) async throws {
        let channel = try InheritedEndpoints.take(0, as: SocketChannel.self)
        let region = try InheritedEndpoints.take(1, as: SharedMemory.self)
        while let message = try await channel.receive() {
            switch message.first {
            case Self.turnAround:
                try region.write(try region.read(Self.messageByteCount).reversed(), at: Self.answerOffset)
                try await channel.send([Self.turnAround])
            case Self.addUp:
                try await channel.send(Tally(count: 1, sum: Pattern.sum(try region.read(Self.byteCount))).bytes)
            default:
                let name = String(decoding: message.dropFirst(), as: UTF8.self)
                try Self.count(SharedMemory(at: .named(name), .open, layout: RegionLayout("swift-ipc.tour")))
                try await channel.send([Self.countAtName])
            }
        }
        try await channel.finish()
    }
}
