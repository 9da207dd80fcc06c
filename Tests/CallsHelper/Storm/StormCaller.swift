import IPCDistributed
import IPCSharedMemory
import IPCSystem

/// `storm-caller FOLDER KIND PLACE CALLEES SEED MODE`: asks the callees until it is killed. In the mode `orderly` the callees
/// end in order, and no request may be left in doubt.
struct StormCaller: Sendable {
    private static let tasks = 12

    let record: StormRecord
    let place: Int
    let isOrderly: Bool
    private let seed: UInt64
    private let callees: [CallConnector]

    init(_ arguments: [String]) throws {
        let folder = arguments[0]
        let kind = StormKind(rawValue: arguments[1])!
        place = Int(arguments[2])!
        seed = UInt64(arguments[4])!
        isOrderly = arguments[5] == "orderly"
        let record = try StormRecord(in: folder, .open)
        self.record = record
        callees = (0..<Int(arguments[3])!).map { callee in
            CallConnector { deadline async throws(IPCError) in
                let channel = try await kind.connect(folder, callee, until: deadline)
                return try CallConnection(over: channel, options: CallOptions(requestLimit: 8)) { handlers in
                    handlers.on(Back.self) { request, _ in
                        record.add(.backs, request.number)
                        return Ask.answer(request.number, 0)
                    }
                }
            }
        }
    }

    func live() async {
        await withDiscardingTaskGroup { group in
            for task in 0..<Self.tasks {
                group.addTask {
                    var random = StormRandom(state: seed &+ UInt64(task) &* 7919)
                    while true {
                        guard record.isPaused.load() == 0 else {
                            try? await Task.sleep(for: .milliseconds(5))
                            continue
                        }
                        guard await ask(&random) else { return }
                    }
                }
            }
        }
    }

    /// One request.
    ///
    /// - Returns: false when there is no room for more.
    private func ask(_ random: inout StormRandom) async -> Bool {
        let way = random.below(8)
        let inFlight = record.inFlight(place)
        inFlight.wrappingAdd(1)
        defer { inFlight.wrappingSubtract(1) }
        // It may have been paused in between: nobody begins after that.
        guard record.isPaused.load() == 0 else { return true }
        guard let number = record.begin(isIdempotent: way == 1) else { return false }
        let callee = callees[random.below(callees.count)]
        let deadline: Deadline = random.isOneOf(2) ? .never : .after(.seconds(3))
        let size = random.isOneOf(4) ? random.below(100_000) : random.below(200)
        let bytes = [UInt8](repeating: 1, count: size)
        switch way {
        case 0:
            await expect(number, size) { () async throws(CallError<Never>) in
                try await callee.call(Ask(number: number, pause: .zero, bytes: bytes), until: deadline)
            }
        case 1:
            await expect(number) { () async throws(CallError<Never>) in
                try await callee.call(AskAgain(number: number), until: deadline)
            }
        case 2: await flow(number, callee, deadline, &random)
        case 3:
            // The handler takes longer than its caller waits, mostly.
            let limit = Duration.milliseconds(1 + random.below(40))
            let pause = Duration.milliseconds(random.isOneOf(3) ? 600_000 : random.below(60))
            await expect(number, mayBeLate: true) { () async throws(CallError<Never>) in
                try await callee.call(Ask(number: number, pause: pause), until: .after(limit))
            }
        case 4:
            let pause = Duration.milliseconds(random.below(20))
            let request = Ask(number: number, pause: pause, bytes: bytes)
            let asking = Task {
                await expect(number, size, mayBeLate: true) { () async throws(CallError<Never>) in
                    try await callee.call(request, until: deadline)
                }
            }
            try? await Task.sleep(for: .microseconds(random.below(15_000)))
            asking.cancel()
            await asking.value
        case 5:
            await expect(number) { () async throws(CallError<Never>) in
                try await callee.call(AskBack(number: number), until: deadline)
            }
        default:
            await expect(number) { () async throws(CallError<Never>) in
                try await callee.call(AskShortly(number: number), until: deadline)
            }
        }
        return true
    }

    private func expect(
        _ number: UInt64, _ size: Int = 0, mayBeLate: Bool = false,
        _ call: () async throws(CallError<Never>) -> UInt64
    ) async {
        do throws(CallError<Never>) {
            let reply = try await call()
            if reply != Ask.answer(number, size) { record.fault("request \(number) was answered with \(reply)") }
            record.add(.succeeded, number)
            end(number, .answered)
        } catch {
            fail(number, error, mayBeLate)
        }
    }

    private func fail(_ number: UInt64, _ error: CallError<Never>, _ mayBeLate: Bool) {
        switch error.progress {
        case .answered: end(number, .answered)
        case .notStarted: end(number, .notStarted)
        case .unknown:
            let isLate = mayBeLate || error.error?.code == .timedOut
            if isOrderly, !isLate { record.fault("request \(number) is in doubt: \(error)") }
            end(number, .unknown)
        }
        let code = error.error?.code
        let expected: [IPCError.Code] = [
            .peerClosed, .truncated, .closed, .timedOut, .cancelled, .connectionRefused, .notFound,
        ]
        if let code, expected.contains(code) { return }
        // A handler that calls back fails as its own call did.
        if error.progress == .answered, code == .taskFailed { return }
        record.fault("request \(number) failed by \(error)")
    }

    private func end(_ number: UInt64, _ outcome: StormRecord.Count) {
        record.add(outcome, number)
        record.outcomes.wrappingAdd(1)
    }

    /// Reads a stream: to its end or not, quickly or not.
    private func flow(
        _ number: UInt64, _ callee: CallConnector, _ deadline: Deadline, _ random: inout StormRandom
    ) async {
        let request = Flow(number: number, count: random.below(120), size: random.below(3000))
        let enough = random.isOneOf(3) ? random.below(60) : Int.max
        let isSlow = random.isOneOf(5)
        var index = 0
        do throws(CallError<Never>) {
            for try await item in try await callee.stream(request, window: 1 + random.below(20), until: deadline) {
                if item.number != number || item.index != index || item.bytes.count != request.size {
                    record.fault("stream \(number) has item \(item.index) of \(item.number) for its \(index)")
                }
                index += 1
                // What is left is given up.
                if index > enough { return end(number, .unknown) }
                if isSlow, random.isOneOf(8) { try? await Task.sleep(for: .milliseconds(random.below(8))) }
            }
            if index != request.count { record.fault("stream \(number) has \(index) items of \(request.count)") }
            record.add(.succeeded, number)
            end(number, .answered)
        } catch {
            fail(number, error, false)
        }
    }
}
