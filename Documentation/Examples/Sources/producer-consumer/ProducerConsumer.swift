import Glibc
import IPCProcess
import IPCSharedMemory

/// `producer-consumer`: the bounded buffer of the textbooks, between two processes.
///
///     producer-consumer [ITEMS]    produces that many items (2,000), which a second process consumes
///
/// The guide is `Documentation/SharedMemory.md`.
@main struct ProducerConsumer {
    static func main() async {
        let arguments = Array(CommandLine.arguments.dropFirst())
        do {
            switch (arguments.first, arguments.count) {
            case (nil, _): try await produce(2_000)
            case ("consume", 1): try await consume()
            case (let count?, 1):
                guard let items = UInt64(count), items > 0 else { throw Usage() }
                try await produce(items)
            default: throw Usage()
            }
        } catch is Usage {
            print("USAGE: producer-consumer [ITEMS]")
            exit(64)
        } catch {
            print("producer-consumer: \(error)")
            exit(1)
        }
    }

    /// Makes the buffer, starts the consumer, and produces.
    private static func produce(_ count: UInt64) async throws {
        let buffer = BoundedBuffer(try SharedMemory(byteCount: BoundedBuffer.byteCount, layout: BoundedBuffer.layout))
        let consumer = try await ChildProcess.spawn(
            .current, arguments: ["consume"], transferring: [buffer.region])
        let exit = Task { try await consumer.exitStatus() }
        let end = Task {
            _ = try? await exit.value
            buffer.isAbandoned.store(true, ordering: .releasing)
        }
        var sum: UInt64 = 0
        for number in 1...count {
            let item = Item(number: number, square: number &* number)
            try await buffer.put(item)
            sum &+= item.square
        }
        try await buffer.put(.last)
        let status = try await exit.value
        await end.value
        print("produced \(count) items, sum of squares \(sum)")
        print("the consumer \(status)")
        if !status.isSuccess { Glibc.exit(1) }
    }

    /// Consumes until the last item.
    private static func consume() async throws {
        let buffer = BoundedBuffer(try InheritedEndpoints.take(0, as: SharedMemory.self))
        var count: UInt64 = 0
        var sum: UInt64 = 0
        while true {
            let item = try await buffer.take()
            if item.isLast { break }
            count += 1
            guard item.number == count, item.square == count &* count else {
                print("item \(count) is not what was produced: \(item)")
                Glibc.exit(1)
            }
            sum &+= item.square
        }
        print("consumed \(count) items, sum of squares \(sum)")
    }

    struct Usage: Error {}
}
