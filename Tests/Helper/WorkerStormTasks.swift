import Glibc
import IPCSystem
import IPCWorkers

/// A file in which tasks note their numbers as they start and end: 4 bytes each, the end as the complement.
struct StampFile: Codable, Sendable {
    var path: String

    func note(_ stamp: Int32) {
        let descriptor = unsafe open(path, O_WRONLY | O_APPEND)
        _ = unsafe withUnsafeBytes(of: stamp) { unsafe write(descriptor, $0.baseAddress, 4) }
        close(descriptor)
    }

    /// The numbers of the tasks that were started, and of those that came to their ends; one entry for each time.
    func read() throws -> (started: [Int32], ended: [Int32]) {
        let bytes = try TestingCalls.contents(of: path)
        var started: [Int32] = []
        var ended: [Int32] = []
        for start in stride(from: 0, to: bytes.count - 3, by: 4) {
            let number = unsafe bytes.withUnsafeBytes {
                unsafe $0.loadUnaligned(fromByteOffset: start, as: Int32.self)
            }
            if number >= 0 { started.append(number) } else { ended.append(~number) }
        }
        return (started, ended)
    }
}

/// Bytes of which each is known, so that nothing of another task can pass for them.
enum StormBytes {
    static func make(_ count: Int, _ number: Int32) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            for index in 0..<count {
                unsafe buffer[index] = UInt8(truncatingIfNeeded: index &* 31 &+ Int(number) &* 7)
            }
            initialized = count
        }
    }

    /// From nothing to 60 KB; most are small, so that batches hold both.
    static func size(_ number: Int32) -> Int {
        switch number % 8 {
        case 0: 0
        case 1, 2, 3: Int(number % 100)
        case 4, 5: Int(number &* 37 % 4096)
        default: Int(number &* 101 % 60_000)
        }
    }
}

/// Notes that it starts and ends, takes its time, and gives bytes that are its own.
struct StormTask: SharedTask {
    var file: StampFile
    var number: Int32
    var microseconds: Int
    /// So that some go as parcels.
    var argument: [UInt8]

    init(_ file: StampFile, _ number: Int32, microseconds: Int?) {
        self.file = file
        self.number = number
        self.microseconds = microseconds ?? Int(number % 7) * 20
        argument = StormBytes.make(number % 16 == 5 ? 50_000 : Int(number % 10), number)
    }

    func run(in context: WorkerContext) async throws -> [UInt8] {
        let isWhole = argument == StormBytes.make(argument.count, number)
        guard isWhole else { throw IPCError(.decodingFailed, "the argument of another task") }
        file.note(number)
        let end = ContinuousClock.now + .microseconds(microseconds)
        while ContinuousClock.now < end {}
        let output = StormBytes.make(StormBytes.size(number), number)
        file.note(~number)
        return output
    }
}

/// The same as a stream.
struct StormStream: StreamingWorkerTask {
    struct Item: Codable, Sendable {
        var index: Int32
        var bytes: [UInt8]
    }

    var file: StampFile
    var number: Int32
    var count: Int32

    static var workerTaskName: String { "StormStream" }

    func run(in context: WorkerContext, emit: WorkerEmitter<Item>) async throws {
        file.note(number)
        for index in 0..<count {
            try await emit(Item(index: index, bytes: StormBytes.make(StormBytes.size(number &+ index), index)))
        }
        file.note(~number)
    }
}
