import IPCDistributed
import IPCSharedMemory
import IPCSystem

/// `storm-half-reader FOLDER KIND PLACE CALLEES SEED MODE`: connects, asks by hand what the callee may be asked, reads one message
/// and no more.
struct StormHalfReader: Sendable {
    let record: StormRecord
    private let folder: String
    private let kind: StormKind
    private let place: Int
    private let callees: Int
    private let seed: UInt64

    init(_ arguments: [String]) throws {
        folder = arguments[0]
        kind = StormKind(rawValue: arguments[1])!
        place = Int(arguments[2])!
        callees = Int(arguments[3])!
        seed = UInt64(arguments[4])!
        record = try StormRecord(in: folder, .open)
    }

    func live() async {
        var random = StormRandom(state: seed)
        var channels: [any ByteChannel] = []
        for callee in 0..<callees {
            if let channel = try? await kind.connect(folder, callee, until: .after(.seconds(1))) {
                channels.append(channel)
                try? await ask(channel, &random)
            }
        }
        // Until it is killed.
        try? await Task.sleep(for: .seconds(3600))
        for channel in channels { channel.close() }
    }

    private func ask(_ channel: any ByteChannel, _ random: inout StormRandom) async throws {
        var bytes: [UInt8] = []
        CallWire.appendHello(CallHello(requestLimit: 0), to: &bytes)
        for id in 1...10 as ClosedRange<UInt64> {
            guard record.isPaused.load() == 0 else { break }
            // It is never told what becomes of them.
            record.inFlight(place).wrappingAdd(1)
            guard let number = record.begin() else { break }
            let isStream = id % 2 == 0
            let payload =
                isStream
                ? try Self.payload("flow", Flow(number: number, count: 5000, size: 3000))
                : try Self.payload("ask", Ask(number: number, pause: .zero))
            CallWire.appendRequest(
                id: id, .init(window: isStream ? 65_536 : 0, method: 1), payload: payload, to: &bytes)
        }
        try await unsafe channel.send(bytes.span.bytes, until: .after(.seconds(1)))
        _ = try await channel.receive(until: .after(.seconds(1))) { $0.byteCount }
    }

    /// A request by name: the length of the name, the name, the value.
    private static func payload(_ name: String, _ value: some Encodable) throws -> [UInt8] {
        [UInt8(name.utf8.count), 0] + Array(name.utf8) + (try BinaryCodec.encode(value))
    }
}
