import Glibc
import IPCDistributed

/// `background-worker`: a front that talks to a person, and a worker process that computes for it. The front answers while the
/// worker computes, shows how far it is, and can stop it.
///
///     count N    counts the primes below N, in the worker
///     ping       is answered at once
///     cancel     stops the counting
///     quit       ends
@main struct BackgroundWorker {
    static func main() async {
        do {
            if InheritedEndpoints.count > 0 {
                try await work()
            } else {
                try await talk()
            }
        } catch {
            print("background-worker: \(error)")
            exit(1)
        }
    }

    /// The worker: counts for whoever holds the other end, until that is gone.
    private static func work() async throws {
        let channel = try InheritedEndpoints.take(0, as: SocketChannel.self)
        let connection = try CallConnection(over: channel) { handlers in
            handlers.on(CountPrimes.self) { request, steps, _ in try await count(below: request.limit, steps) }
        }
        try await connection.waitUntilEnd()
    }

    private static func count(below limit: Int, _ steps: ItemSender<CountPrimes.Step>) async throws {
        var found = 0
        let piece = max(limit / 100, 1)
        for start in stride(from: 0, to: limit, by: piece) {
            let end = min(start + piece, limit)
            for number in start..<end {
                // The caller's cancellation arrives here; who computes for long looks now and then.
                if number & 0xfff == 0 { try Task.checkCancellation() }
                if isPrime(number) { found += 1 }
            }
            try await steps.send(CountPrimes.Step(done: end, found: found))
        }
    }

    private static func isPrime(_ number: Int) -> Bool {
        guard number > 3 else { return number > 1 }
        guard number % 2 != 0 else { return false }
        var divisor = 3
        while divisor * divisor <= number {
            if number % divisor == 0 { return false }
            divisor += 2
        }
        return true
    }

    /// The front.
    private static func talk() async throws {
        let (ours, theirs) = try SocketChannel.makePair()
        try await withChildProcess(.current, transferring: [theirs]) { _ in
            let worker = try CallConnection(over: ours)
            let input = try PipeReader(adopting: PassedDescriptor(duplicating: 0))
            var counting: Task<Void, Never>?
            loop: for try await line in input.lines {
                let words = line.split(separator: " ")
                switch (words.first, words.count) {
                case ("count", 2):
                    guard let limit = Int(words[1]), limit > 0, limit <= 1_000_000_000 else {
                        say("count needs a number from 1 to 1000000000")
                        continue
                    }
                    counting?.cancel()
                    await counting?.value
                    counting = Task { await count(below: limit, with: worker) }
                case ("ping", 1): say("pong")
                case ("cancel", 1):
                    counting?.cancel()
                    await counting?.value
                case ("quit", 1): break loop
                default: say("count N, ping, cancel or quit")
                }
            }
            await counting?.value
            worker.close()
        }
    }

    private static func count(below limit: Int, with worker: CallConnection) async {
        var found = 0
        var shown = 0
        do throws(CallError<Never>) {
            for try await step in try worker.stream(CountPrimes(limit: limit)) {
                found = step.found
                let tenths = step.done * 10 / limit
                if tenths > shown {
                    shown = tenths
                    say("\(tenths * 10) %")
                }
            }
            // A stream that ends with its task was not counted to the end.
            say(Task.isCancelled ? "cancelled" : "\(found) primes below \(limit)")
        } catch {
            say(error.isCancellation ? "cancelled" : "the worker failed: \(error)")
        }
    }

    /// A line for the person, at once.
    private static func say(_ text: String) {
        print(text)
        fflush(nil)
    }
}

/// Counts the primes below a number, and tells how far it is.
struct CountPrimes: StreamRequest {
    struct Step: Codable, Sendable {
        var done: Int
        var found: Int
    }

    typealias Item = Step
    var limit: Int
}
