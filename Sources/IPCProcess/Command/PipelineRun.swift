import IPCPipes
import IPCSystem

/// The programs of a pipeline while they run.
struct PipelineRun: Sendable {
    private let children: [ChildProcess]
    private let names: [String]
    /// Which children write to this process's standard error pipes.
    private let collectsError: [Bool]

    /// Starts the programs with pipes between them. When one cannot be started, those before it are killed.
    static func start(_ stages: [Command]) async throws(IPCError) -> PipelineRun {
        var children: [ChildProcess] = []
        do {
            var upstream: PassedDescriptor?
            for (index, stage) in stages.enumerated() {
                var options = stage.options
                if let number = upstream?.borrowedNumber { options.standardInput = .descriptor(number) }
                let pipe = index < stages.count - 1 ? try makePipe() : nil
                if let number = pipe?.writing.borrowedNumber { options.standardOutput = .descriptor(number) }
                children.append(
                    try await ChildProcess.spawn(stage.executable, arguments: stage.arguments, options: options))
                // The ends that the child got have to stay open until here, and must not after: or nobody sees the end.
                withExtendedLifetime((upstream, pipe)) {}
                upstream = pipe?.reading
            }
        } catch {
            await kill(children)
            throw error
        }
        return PipelineRun(
            children: children, names: stages.map(\.executable.displayName),
            collectsError: stages.map { if case .pipe = $0.options.standardError.kind { true } else { false } })
    }

    /// A pipe between two programs: both ends block, as programs expect.
    private static func makePipe() throws(IPCError) -> (reading: PassedDescriptor, writing: PassedDescriptor) {
        try mapping("make a pipe between two programs") { () throws(SystemCallError) in
            let numbers = try DescriptorCalls.makePipe()
            let pipe = (PassedDescriptor(owning: numbers.reading), PassedDescriptor(owning: numbers.writing))
            try DescriptorCalls.setNonblocking(numbers.reading, false)
            try DescriptorCalls.setNonblocking(numbers.writing, false)
            return pipe
        }
    }

    private static func kill(_ children: [ChildProcess]) async {
        for child in children { _ = try? child.sendToTree(.kill) }
        for child in children {
            child.closeStreams()
            _ = try? await child.kill()
        }
    }

    /// Waits until every program has ended. All are killed when that fails or lasts too long.
    func waitForAll(until deadline: Deadline) async throws(IPCError) -> [ExitStatus] {
        do {
            var statuses: [ExitStatus] = []
            for child in children { statuses.append(try await child.exitStatus(until: deadline)) }
            return statuses
        } catch {
            await Self.kill(children)
            throw error
        }
    }

    private enum Part: Sendable {
        case fed
        case output(Result<[UInt8], IPCError>)
        case error(Int, Result<[UInt8], IPCError>)
    }

    /// Feeds the first program, collects what all of them write, and waits until they have ended.
    func collect(
        input: [UInt8], limit: Int, until deadline: Deadline
    ) async throws(IPCError) -> PipelineOutput {
        var output: [UInt8] = []
        var errors = [[UInt8]](repeating: [], count: children.count)
        var failure: IPCError?
        var statuses: [ExitStatus] = []

        await withTaskGroup(of: Part.self) { group in
            addTasks(to: &group, input: input, limit: limit)
            do throws(IPCError) {
                statuses = try await waitForAll(until: deadline)
            } catch {
                failure = error
            }
            // What is left is in the pipes. Whoever still reads takes that and stops.
            group.cancelAll()
            for await part in group {
                switch part {
                case .fed: break
                case .output(.success(let bytes)): output = bytes
                case .error(let index, .success(let bytes)): errors[index] = bytes
                // Too much output is why the programs were killed, so it comes before how they ended.
                case .output(.failure(let error)), .error(_, .failure(let error)): failure = failure ?? error
                }
            }
        }
        for child in children { child.closeStreams() }
        if let failure { throw failure }
        return PipelineOutput(statuses: statuses, standardOutput: output, standardErrors: errors, names: names)
    }

    private func addTasks(to group: inout TaskGroup<Part>, input: [UInt8], limit: Int) {
        if let writer = try? children[0].standardInput {
            group.addTask {
                await Self.feed(input, to: writer)
                return .fed
            }
        }
        let stop: @Sendable () -> Void = { [children] in
            for child in children { _ = try? child.sendToTree(.kill) }
        }
        if let reader = try? children[children.count - 1].standardOutput {
            group.addTask { .output(await StreamCollector(reader, limit: limit, onTooMuch: stop).collect()) }
        }
        for (index, child) in children.enumerated() where collectsError[index] {
            guard let reader = try? child.standardError else { continue }
            group.addTask { .error(index, await StreamCollector(reader, limit: limit, onTooMuch: stop).collect()) }
        }
    }

    /// Writes the input and closes the pipe. A program that does not read all of it is none of our business.
    private static func feed(_ input: [UInt8], to writer: PipeWriter) async {
        defer { writer.close() }
        // Piece by piece: the rest of a piece is copied when the task is cancelled half-way.
        for start in stride(from: 0, to: input.count, by: pieceSize) {
            let piece = Array(input[start..<min(start + pieceSize, input.count)])
            guard (try? await writer.send(piece)) != nil else { return }
        }
        try? await writer.finish()
    }

    private static let pieceSize = 65536
}
